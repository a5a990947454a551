"""The calls that a fake received: one `Call` for each request, in lists that can be filtered and checked.

Requests are read from their wire form alone, so that it makes no difference which client sent them. Credentials are
redacted in headers and query before anything is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from oai._http.messages import Headers, Request, body_bytes
from oai._incoming.forms import form_boundary, form_parts
from oai._support.named_tuples import readable
from oai._support.plain_data import as_dict
from oai._support.redact import redact_headers, redact_url

SHOWN = 20
"""How many calls an error message lists."""


class UnexpectedCall(AssertionError):  # noqa: N818 - an assertion of the test, not an error of the program
    """A call that was not programmed, or calls other than a test expects."""


@readable
class Upload(NamedTuple):
    """A file in a form, as it was sent."""

    filename: str
    content: bytes
    type: str | None


class Call:
    """One request to a fake.

    Attributes:
        operation: the operation's call path, such as `chat.completions.create`; method and path where no row
            declares the request.
        method: the HTTP method.
        path: the path with its parameters in place, as it was sent.
        path_params: the path's parameters by name.
        query: the query's parameters by name; repeated ones as a list.
        headers: the header fields, credentials redacted.
        content: the body in bytes.
        stream: whether the caller expects a stream of events.
    """

    def __init__(self, operation: str, request: Request, path_params: dict[str, str]) -> None:
        self.operation = operation
        self.method = request.method
        self.path = urlsplit(request.url).path
        self.path_params = path_params
        self.content = body_bytes(request.body)
        self.stream = request.events
        self.headers = Headers(redact_headers(request.headers))
        self._url = redact_url(request.url)

    @cached_property
    def query(self) -> dict[str, str | list[str]]:
        """The query's parameters by name; repeated ones as a list."""
        values_by_name = parse_qs(urlsplit(self._url).query, keep_blank_values=True)
        return {name: values[0] if len(values) == 1 else values for name, values in values_by_name.items()}

    @cached_property
    def body(self) -> Any:
        """The body, parsed by its content type; `None` if it is empty.

        JSON becomes plain data, and a form a dict of texts and `Upload`s, with a list for a repeated field. Other
        content stays bytes.
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
    """Calls in the order of arrival; each attempt of a retried call counts."""

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
        """Return the calls for which a function is true and that have these parameters (in path, query or body)."""
        return type(self)(call for call in self if (check is None or check(call)) and _has(call, fields))

    def once(self, **fields: Any) -> Call:
        """Return the only call, or the only one with these parameters.

        Raises:
            UnexpectedCall: there is none, or more than one.
        """
        return self.times(1, **fields)[0]

    def times(self, count: int, **fields: Any) -> Self:
        """Return the calls, or those with these parameters, after checking how many there are.

        Raises:
            UnexpectedCall: there are fewer or more than `count`.
        """
        calls = self.where(**fields)
        if len(calls) != count:
            raise UnexpectedCall(_wrong_count(count, calls, fields, self))
        return calls


def _has(call: Call, fields: dict[str, Any]) -> bool:
    actual = call.fields if fields else {}
    return all(name in actual and actual[name] == value for name, value in fields.items())


def _times(count: int) -> str:
    return {0: "no call", 1: "1 call"}.get(count, f"{count} calls")


def _wrong_count(expected: int, matching: Calls, fields: dict[str, Any], calls: Calls) -> str:
    condition = " with " + ", ".join(f"{name}={value!r}" for name, value in fields.items()) if fields else ""
    lines = [f"expected {_times(expected)}{condition}, received {_times(len(matching))}"]
    lines += [f"  {call!r} {_shown(call)}" for call in calls[:SHOWN]]
    if len(calls) > SHOWN:
        lines.append(f"  and {len(calls) - SHOWN} more")
    return "\n".join(lines)


def _shown(call: Call) -> str:
    from oai._support.excerpt import excerpt

    return "" if call.body is None else excerpt(call.content)


def _form(content: bytes, boundary: bytes) -> dict[str, Any]:
    values_by_name: dict[str, list[Any]] = {}
    for head, part in form_parts([content], boundary, len(content), hashed=False):
        data = part.content or b""
        value = (
            Upload(head["filename"].replace("%22", '"'), data, head.get("type")) if "filename" in head else _text(data)
        )
        values_by_name.setdefault(head["name"], []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in values_by_name.items()}


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
