"""Serve a list page by page: select the items that a request wants, in the layout of each kind of page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_origin

import msgspec

from oai._fake.answers import JSON, AnswerFactory, CannedReply, make_failure
from oai._fake.check import check_item
from oai._json.pages import ConversationCursorPage, CursorPage, NextCursorPage, Page
from oai._support.plain_data import as_dict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oai._fake.calls import Call
    from oai._http.messages import Request
    from oai._table.operation import Operation

PER_PAGE = 20
"""Items of a page if neither the request nor the test sets a number; the API's default."""


def list_answer(operation: Operation, items: Iterable[Any], per_page: int = PER_PAGE) -> AnswerFactory:
    """Return a factory for the pages of a list: `limit` items at a time, after the item that `after` names.

    Raises:
        ValueError: the operation does not return pages, or an item does not fit.
    """
    if not operation.page:
        raise ValueError(f"{operation.name} returns {operation.row.response}, not pages of a list")
    if per_page < 1:
        raise ValueError(f"per_page must be a positive integer, not {per_page}")
    page = cast("type[Page[Any]]", get_origin(operation.response_type))
    plain = [check_item(operation, item, place) for place, item in enumerate(items)]
    # The next page starts after the id of the last item, so items without an id are all sent in one page.
    cursors = [_cursor(item, place, page) for place, item in enumerate(plain)]

    def make(call: Call, request: Request) -> CannedReply:
        try:
            start, end = _span(cursors, call, page, per_page)
        except ValueError as error:
            return make_failure(400, {"message": str(error)}, [])(call, request)
        body: dict[str, Any] = {"object": "list", "data": plain[start:end]}
        more = end < len(plain)
        if issubclass(page, CursorPage):
            body |= {"has_more": more, "first_id": _at(cursors, start, end), "last_id": _at(cursors, end - 1, end)}
        elif issubclass(page, NextCursorPage):
            body |= {"has_more": more, "next": cursors[end - 1] if more else None}
        return CannedReply(200, [("content-type", JSON)], (msgspec.json.encode(body),))

    return make


def _cursor(item: Any, place: int, page: type[Page[Any]]) -> str | None:
    identifier = as_dict(item).get("id")
    if isinstance(identifier, str) and identifier:
        return identifier
    by_id = issubclass(page, CursorPage) and not issubclass(page, ConversationCursorPage)
    return None if by_id else f"item_{place}"


def _span(cursors: list[str | None], call: Call, page: type[Page[Any]], per_page: int) -> tuple[int, int]:
    """Return the range of items in the page that a call requests.

    Raises:
        ValueError: the limit or a cursor is invalid.
    """
    if not page.parameter or None in cursors:
        return 0, len(cursors)
    limit = str(call.query.get("limit", per_page))
    if not limit.isdecimal() or not int(limit):
        raise ValueError(f"limit must be a positive integer, not {limit!r}")
    start, end = 0, len(cursors)
    after, before = call.query.get(page.parameter), call.query.get("before")
    for name, cursor in ((page.parameter, after), ("before", before)):
        if cursor is not None and cursor not in cursors:
            raise ValueError(f"{name} is {cursor!r}, but the list has no such item")
    if after is not None:
        start = cursors.index(str(after)) + 1
    if before is not None:
        end = cursors.index(str(before))
        start = max(start, end - int(limit))
    return start, min(start + int(limit), end)


def _at(cursors: list[str | None], place: int, end: int) -> str | None:
    return cursors[place] if 0 <= place < end else None
