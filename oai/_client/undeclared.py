"""Requests that no row declares: `client.request("POST", "/path")`, and `get`, `post`, `put`, `patch`, `delete`.

Each becomes an operation of its own, so that it gets the key, the retries and the errors of any other call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oai._json.objects import Object
from oai._request.client_core import core_of
from oai._request.options import count
from oai._support.omit import omit
from oai._table.operation import Operation

OPTIONS = ("headers", "params", "extra_json", "timeout", "max_retries", "idempotency_key")
"""The options of the official SDK's `RequestOptions` that requests take."""

RAW_RESPONSE_HEADER: Final = "x-stainless-raw-response"
"""The header by which resources of the official SDK ask its client for the raw response; it is not sent."""


class UndeclaredRequests:
    """The methods of a client that need no table."""

    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: Any = Object,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        stream: bool = False,
        stream_cls: Any = None,
        extra_headers: Mapping[str, Any] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Any = None,
        timeout: Any = omit,
        content: bytes | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send a request that no row declares, with the key, the retries and the errors of any other call.

        Args:
            method: the HTTP method.
            path: the path below `base_url`.
            cast_to: the type of the result: a struct, a pydantic model, `dict`, `bytes`, `str`, `oai.Response`, or
                `Object`, which takes any JSON object and has its fields as attributes.
            body: sent as JSON, or with `files` as the fields of a form; bytes are sent as they are.
            query: the query parameters.
            files: the uploads of a form by field name, see `File`.
            stream: whether the response is a stream of events.
            stream_cls: the type of an event of the stream, by default `cast_to`; `Stream[type]`; or a class derived
                from `Stream` or `AsyncStream`, whose constructor gets `cast_to`, `response`, `client` and `options`.
            extra_headers: added to the client's headers; `None` removes one.
            extra_query: added to `query`.
            extra_body: fields added to those of `body`.
            timeout: seconds, `None` for no limit, or a `Timeout`.
            content: bytes to send as the body, instead of `body`.
            options: `headers`, `params`, `extra_json`, `timeout`, `max_retries` and `idempotency_key` as the official
                SDK names them.

        Raises:
            TypeError: there are two bodies, or an unknown option.
        """
        if content is not None and (body is not None or files):
            raise TypeError("content excludes body and files: pass one")
        operation = _operation(method, path, cast_to, files)
        if stream:
            _set_stream_type(operation, cast_to, stream_cls)
        payload = {**(body or {}), **files} if files else body if content is None else content
        more = _options(options or {})
        if more.get("max_retries") is not None:
            operation.max_retries = count("max_retries", more["max_retries"])
        headers = more.get("headers")
        if more.get("idempotency_key") is not None:
            headers = {"Idempotency-Key": more["idempotency_key"], **(headers or {})}
        view, headers = _view_of(_both(headers, extra_headers))
        return core_of(getattr(self, view) if view else self).call(
            operation,
            (),
            query,
            payload,
            stream or None,
            headers,
            _both(more.get("params"), extra_query),
            _both(more.get("extra_json"), extra_body),
            more.get("timeout", omit) if timeout is omit else timeout,
        )

    def get(self, path: str, **options: Any) -> Any:
        """`request("GET", ...)`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        """`request("POST", ...)`."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Any:
        """`request("PUT", ...)`."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Any:
        """`request("PATCH", ...)`."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Any:
        """`request("DELETE", ...)`."""
        return self.request("DELETE", path, **options)


def _operation(method: str, path: str, cast_to: Any, files: Mapping[str, Any] | None) -> Operation:
    from oai._table.undeclared import undeclared_operation  # few programs need it

    return undeclared_operation(method, path, cast_to, list(files or {}))


def _set_stream_type(operation: Operation, cast_to: Any, stream_cls: Any) -> None:
    """Set the type of an operation's events, and the class of their stream if it is the program's own."""
    from oai._results.stream_class import read_stream_class  # like a stream itself

    event_type = Any if cast_to is Object else cast_to
    kind = event_type if stream_cls is None else stream_cls
    operation.stream_type, operation.assemble_stream = read_stream_class(kind, event_type)


def _view_of(headers: Any) -> tuple[str, Any]:
    """Return the view of a client that a header of the official SDK demands, and the other headers."""
    name = next((name for name in headers or () if str(name).lower() == RAW_RESPONSE_HEADER), None)
    if name is None:
        return "", headers
    view = "with_streaming_response" if headers[name] == "stream" else "with_raw_response"
    return view, {other: value for other, value in headers.items() if other != name}


def _options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in options:
        if name not in OPTIONS:
            raise TypeError(f"unknown option {name!r}; options takes {', '.join(OPTIONS)}")
    return options


def _both(options: Any, extra: Any) -> Any:
    """Return both merged; `extra` takes precedence."""
    return {**options, **(extra or {})} if options else extra
