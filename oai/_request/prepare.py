"""Convert arguments to a request: path, query, headers and body as the row declares them. Pure, except for open files.

The result is a `PreparedCall`, which serves any number of attempts: only the key is added before each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from oai._http.messages import Body, Pairs, Request, Timeout, time_left
from oai._json.encode import encode
from oai._request.headers import JSON, HeaderMap, override
from oai._request.options import as_timeout
from oai._request.query import query_string
from oai._support.omit import omit

if TYPE_CHECKING:
    from oai._request.config import Config
    from oai._table.operation import Operation
    from oai._table.rows import Row


class PreparedCall:
    """A request without its key, with its operation and options."""

    __slots__ = ("authorizes_itself", "body", "config", "events", "headers", "operation", "stream", "timeout", "url")

    def __init__(
        self,
        config: Config,
        operation: Operation,
        url: str,
        headers: HeaderMap,
        body: bytes | Body | None,
        timeout: Timeout,
        *,
        stream: bool,
        authorizes_itself: bool,
    ) -> None:
        self.config = config
        self.operation = operation
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.stream = self.events = stream
        self.authorizes_itself = authorizes_itself

    def request(self, key: str | None, timeout: Timeout) -> Request:
        """Return the request of one attempt."""
        headers: Pairs = list(self.headers.values())
        if key is not None:
            headers.append(self.config.dialect.authorization(key))
        return Request(
            self.operation.method,
            self.url,
            headers,
            self.body,
            timeout=timeout,
            operation=self.operation,
            stream=self.stream,
            events=self.events,
        )


def prepare(
    config: Config,
    operation: Operation,
    path: tuple[object, ...],
    query: Mapping[str, Any] | None,
    body: Any,
    stream: object,
    extra_headers: Mapping[str, Any] | None,
    extra_query: Mapping[str, Any] | None,
    extra_body: Any,
    timeout: Any,
) -> PreparedCall:
    """Prepare the call of an operation from the arguments of its function.

    Raises:
        OpenAIError: a header or an option is invalid.
        TypeError, ValueError: an argument cannot be encoded in the path, the query or the body.
        OSError: a file cannot be opened.
        TableError: the type of the result is invalid; raised before the call is sent and paid for.
    """
    streams = stream is not omit and bool(stream)
    _ = operation.stream_type if streams else operation.response_type
    if operation.max_retries is not None:
        config = config.replace(max_retries=operation.max_retries)
    url = config.dialect.url(config.base_url, operation, operation.path(path), body)
    if config.query or query or extra_query:
        text = query_string({**config.query, **(query or {}), **(extra_query or {})}, operation.row.list_suffix)
        if text:
            url += f"{'&' if '?' in operation.row.path else '?'}{text}"
    content, content_type = _content(config, operation, body, extra_body)
    headers = config.headers_for(operation, sends_json=content_type == JSON)
    if content_type is not None and content_type != JSON:
        headers = {**headers, "content-type": ("Content-Type", content_type)}
    authorizes_itself = config.authorizes_itself
    if extra_headers:
        authorizes_itself |= config.authorize(extra_headers)
        headers = override(headers, extra_headers)
        if content_type is not None and content.__class__ is not bytes:
            _fit_boundary(headers, content, content_type)
    return PreparedCall(
        config,
        operation,
        url,
        headers,
        content,
        config.timeout if timeout is omit else as_timeout(time_left(timeout), config.timeout),
        stream=streams,
        authorizes_itself=authorizes_itself,
    )


def _fit_boundary(headers: HeaderMap, form: Any, content_type: str) -> None:
    """Let a form and its `Content-Type` agree: use the caller's boundary, or replace a type that is not a form's.

    A server cannot parse a form whose boundary is missing from the header or is another one.
    """
    name, value = headers.get("content-type", ("Content-Type", ""))
    if value == content_type:
        return
    from oai._request.multipart import boundary_in

    boundary = boundary_in(value)
    if boundary is not None:
        form.set_boundary(boundary)
    else:
        headers["content-type"] = (name, content_type)


def _content(
    config: Config, operation: Operation, body: Any, extra_body: Any
) -> tuple[bytes | Body | None, str | None]:
    """Return the body and its content type, or `None` for both if there is no body."""
    row = operation.row
    if body is None and row.method in ("GET", "HEAD"):
        return None, None  # without `extra_body`, as in the official SDK: servers may reject it (RFC 9110, 9.3.1)
    if extra_body is not None:
        body = extra_body if body is None else _both(body, extra_body)
    if operation.nested_names:
        for *steps, wire in operation.nested_names:
            body = _rename_nested(body, steps, wire)
    if row.body == "multipart" and not (
        row.json_without_files and all((body or {}).get(file) is None for file in row.files)
    ):
        return _form(config, row, body or {})
    if row.defaults and (body is None or isinstance(body, Mapping)):
        body = {**row.defaults, **(body or {})}
    if body is None:
        return None, None
    if isinstance(body, (bytes, bytearray)):
        return bytes(body), JSON
    try:
        return encode(body), JSON
    except TypeError as error:
        raise _class_as_format(operation, body) or error from None


def _class_as_format(operation: Operation, body: Any) -> TypeError | None:
    """Return the error for a class as `response_format`, which only `parse` accepts."""
    output = body.get("response_format") if isinstance(body, Mapping) else None
    if not isinstance(output, type):
        return None
    name = output.__name__
    parse = f"{operation.name.rpartition('.')[0]}.parse"
    return TypeError(f"{operation.name} does not take the class {name} as response_format; use {parse}")


def _rename_nested(value: Any, steps: list[str], wire: str) -> Any:
    """Return a value with one nested key renamed, such as `compaction.async_`, whose wire name is a keyword."""
    first, *rest = steps
    if not isinstance(value, Mapping) or first not in value:
        return value
    if rest:
        return {**value, first: _rename_nested(value[first], rest, wire)}
    return {wire if name == first else name: item for name, item in value.items()}


def _both(body: Any, extra_body: Any) -> dict[str, Any]:
    """Return a body with the fields of `extra_body` added."""
    for fields, name in ((body, "a body"), (extra_body, "extra_body")):
        if not isinstance(fields, Mapping):
            raise TypeError(
                f"{name} of type {type(fields).__name__} has no fields; extra_body adds fields to a mapping"
            )
    return {**body, **extra_body}


def _form(config: Config, row: Row, body: Mapping[str, Any]) -> tuple[bytes | Body, str]:
    """Return a form, or the plain text of the row's `raw` field if it is the only one."""
    if row.raw is not None and set(body) == {row.raw}:
        return str(body[row.raw]).encode(), row.parts[row.raw]
    from oai._request.multipart import Multipart  # few calls need it

    files = [*_files(body, row), *_parts(body, row.parts)]
    separate = {*row.parts, *(name for name in row.files if not isinstance(body.get(name), Mapping))}
    fields = {name: body[name] for name in body if name not in separate}
    form = Multipart(fields, files, list_suffix=row.list_suffix, paths=config.upload_paths)
    return form, form.content_type


def _parts(body: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield the fields with a content type of their own."""
    for name, kind in kinds.items():
        if name in body:
            value = body[name]
            yield name, (None, encode(value) if "json" in kind else str(value).encode(), kind)


def _files(body: Mapping[str, Any], row: Row) -> Iterator[tuple[str, Any]]:
    """Yield the uploads; the files of a list are sent under `name[]`, or as the row's `arrays` says.

    A mapping is a nested field, not a file, such as `{"id": ...}` of a video that is already uploaded.
    """
    for name in row.files:
        value = body.get(name)
        if isinstance(value, list):
            yield from ((f"{name}{row.list_suffix}", file) for file in value)
        elif value is not None and not isinstance(value, Mapping):
            yield name, value
