"""What a fake was asked: one `Call` for each request, and lists of them that can be narrowed and checked.

It reads requests by their wire form alone, so that it makes no difference who sent them. Credentials are taken out
of the headers and the query before anything is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from oai._http.messages import Headers, body_bytes
from oai._incoming.forms import form_boundary, form_parts
from oai._support.plain_data import as_dict
from oai._support.redact import redact_headers, redact_url

if TYPE_CHECKING:
    from typing import Self

    from oai._http.messages import Request

SHOWN = 20
"""How many calls a message lists."""


class UnexpectedCall(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """What a test asked of a fake does not hold: a call that was not programmed, or calls other than expected."""


class Upload(NamedTuple):
    """A file in a form, as it was sent."""

    filename: str
    content: bytes
    type: str | None


class Call:
    """One request to a fake.

    Attributes:
        operation: the call path that it is for, such as `chat.completions.create`; for what no row declares, method
            and path.
        method: the HTTP method.
        path: the path with its parameters in place, as it was sent.
        path_params: the path's parameters by name.
        query: the query's parameters by name; those that came more than once as a list.
        headers: the header fields, credentials taken out.
        content: the body in bytes.
        stream: whether the answer is to come as a stream.
    """

    def __init__(self, operation: str, request: Request, path_params: dict[str, str]) -> None:
        self.operation = operation
        self.method = request.method
        self.path = urlsplit(request.url).path
        self.path_params = path_params
        self.content = body_bytes(request.body)
        self.stream = request.stream
        self.headers = Headers(redact_headers(request.headers))
        self._url = redact_url(request.url)

    @cached_property
    def query(self) -> dict[str, str | list[str]]:
        """The query's parameters by name; those that came more than once as a list."""
        found = parse_qs(urlsplit(self._url).query, keep_blank_values=True)
        return {name: values[0] if len(values) == 1 else values for name, values in found.items()}

    @cached_property
    def body(self) -> Any:
        """The body: JSON as plain data, a form as a dict of texts and `Upload`s, other content as bytes, else `None`.

        A field of a form that came more than once is a list.
        """
        if not self.content:
            return None
        kind = self.headers.get("content-type", "")
        boundary = form_boundary(kind)
        if boundary is not None:
            return _form(self.content, boundary)
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.content

    @property
    def fields(self) -> dict[str, Any]:
        """All parameters by name: those of the query, the body and the path."""
        return {**self.query, **as_dict(self.body), **self.path_params}

    def __repr__(self) -> str:
        return f"<Call {self.operation}: {self.method} {self._url}>"


class Calls(tuple[Call, ...]):
    """Calls in the order in which they came, each attempt of a retried one for itself."""

    __slots__ = ()

    @property
    def last(self) -> Call:
        """The latest call.

        Raises:
            UnexpectedCall: there is none.
        """
        if not self:
            raise UnexpectedCall("there was no call")
        return self[-1]

    def of(self, operation: str) -> Calls:
        """Return the calls of an operation."""
        return Calls(call for call in self if call.operation == operation)

    def where(self, check: Callable[[Call], object] | None = None, **fields: Any) -> Self:
        """Return the calls that a function says yes to, and whose parameters (of path, query or body) are these."""
        found = (call for call in self if check is None or check(call))
        return type(self)(call for call in found if _has(call, fields))

    def once(self, **fields: Any) -> Call:
        """Return the only call, or the only one with these parameters.

        Raises:
            UnexpectedCall: there are fewer or more.
        """
        found = self.where(**fields)
        if len(found) != 1:
            raise UnexpectedCall(_counted("once", found, fields, self))
        return found[0]

    def times(self, count: int, **fields: Any) -> Self:
        """Return the calls, or those with these parameters, where there are so many.

        Raises:
            UnexpectedCall: there are fewer or more.
        """
        found = self.where(**fields)
        if len(found) != count:
            raise UnexpectedCall(_counted(_times(count), found, fields, self))
        return found


def _has(call: Call, fields: dict[str, Any]) -> bool:
    given = call.fields if fields else {}
    return all(name in given and given[name] == value for name, value in fields.items())


def _times(count: int) -> str:
    return {0: "not at all", 1: "once"}.get(count, f"{count} times")


def _counted(wanted: str, found: Calls, fields: dict[str, Any], every: Calls) -> str:
    what = "it" if not fields else ", ".join(f"{name}={value!r}" for name, value in fields.items())
    lines = [f"{what} should have been asked for {wanted}, and was {_times(len(found))}"]
    lines += [f"  {call!r} {_shown(call)}" for call in every[:SHOWN]]
    if len(every) > SHOWN:
        lines.append(f"  and {len(every) - SHOWN} more")
    return "\n".join(lines)


def _shown(call: Call) -> str:
    from oai._errors import excerpt

    return "" if call.body is None else excerpt(call.content)


def _form(content: bytes, boundary: bytes) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for head, part in form_parts([content], boundary, len(content), hashed=False):
        data = part.content or b""
        value = (
            Upload(head["filename"].replace("%22", '"'), data, head.get("type")) if "filename" in head else _text(data)
        )
        found.setdefault(head["name"], []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
