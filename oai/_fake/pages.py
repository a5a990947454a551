"""Lists that a fake answers page by page: which items a request is for, in the form of each kind of page."""

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
"""Items of a page where neither the request nor the test says how many, as in the API."""


def list_answer(operation: Operation, items: Iterable[Any], per_page: int = PER_PAGE) -> AnswerFactory:
    """Answer the items of a list, so many at a time as are asked for, after the one that the request names.

    Raises:
        ValueError: the operation does not answer pages, or an item could not be in them.
    """
    if not operation.page:
        raise ValueError(f"{operation.name} answers {operation.row.response}, and no pages of a list")
    if per_page < 1:
        raise ValueError(f"per_page is {per_page}; a page has at least one item")
    page = cast("type[Page[Any]]", get_origin(operation.response_type))
    plain = [check_item(operation, item, place) for place, item in enumerate(items)]
    # A page that is followed by the id of its last item cannot go on after items that have none.
    cursors = [_cursor(item, place, page) for place, item in enumerate(plain)]

    def make(call: Call, request: Request) -> CannedReply:
        try:
            start, end = _span(cursors, call, page, per_page)
        except ValueError as error:
            return make_failure(400, {"message": str(error)}, [])(call, request)
        found: dict[str, Any] = {"object": "list", "data": plain[start:end]}
        more = end < len(plain)
        if issubclass(page, CursorPage):
            found |= {"has_more": more, "first_id": _at(cursors, start, end), "last_id": _at(cursors, end - 1, end)}
        elif issubclass(page, NextCursorPage):
            found |= {"has_more": more, "next": cursors[end - 1] if more else None}
        return CannedReply(200, [("content-type", JSON)], (msgspec.json.encode(found),))

    return make


def _cursor(item: Any, place: int, page: type[Page[Any]]) -> str | None:
    said = as_dict(item).get("id")
    if isinstance(said, str) and said:
        return said
    by_id = issubclass(page, CursorPage) and not issubclass(page, ConversationCursorPage)
    return None if by_id else f"item_{place}"


def _span(cursors: list[str | None], call: Call, page: type[Page[Any]], per_page: int) -> tuple[int, int]:
    """Return where the page begins and ends that a call asks for.

    Raises:
        ValueError: it asks for what there cannot be.
    """
    if not page.parameter or None in cursors:
        return 0, len(cursors)
    limit = str(call.query.get("limit", per_page))
    if not limit.isdecimal() or not int(limit):
        raise ValueError(f"limit is {limit!r}; it is the number of items of a page")
    start, end = 0, len(cursors)
    after, before = call.query.get(page.parameter), call.query.get("before")
    for name, cursor in ((page.parameter, after), ("before", before)):
        if cursor is not None and cursor not in cursors:
            raise ValueError(f"{name} is {cursor!r}, and the list has no such item")
    if after is not None:
        start = cursors.index(str(after)) + 1
    if before is not None:
        end = cursors.index(str(before))
        start = max(start, end - int(limit))
    return start, min(start + int(limit), end)


def _at(cursors: list[str | None], place: int, end: int) -> str | None:
    return cursors[place] if 0 <= place < end else None
