"""Requests that no row declares: `client.request("POST", "/path")`, and `get`, `post`, `put`, `patch`, `delete`.

Each is made into an operation of its own, so that it goes the way of any other: same key, same retries, same errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oai._json.objects import Object
from oai._request.client_core import core_of
from oai._support.omit import omit


class UndeclaredRequests:
    """What a client does without its table."""

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
        stream_cls: Any = Any,
        extra_headers: Mapping[str, Any] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Any = None,
        timeout: Any = omit,
        content: bytes | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call what no row declares, with the key, the retries and the errors of any other call.

        Args:
            method: the HTTP method.
            path: the path below `base_url`.
            cast_to: the type of the answer: a struct, a model of pydantic, `dict`, `bytes`, `str`, `oai.Response`, or
                `Object`, which takes any JSON object and reads its fields as attributes.
            body: what is sent as JSON, or beside files as the fields of a form; bytes are sent as they are.
            query: what is sent in the query string.
            files: the uploads of a form by their field, see `File`.
            stream: whether the answer is a stream of events.
            stream_cls: the type of an event, where it is.
            extra_headers: sent beside the client's; `None` takes a header away.
            extra_query: sent beside `query`.
            extra_body: fields sent beside those of `body`.
            timeout: seconds, `None` for no limit, or a `Timeout`.
            content: bytes that are the body, in place of `body`.
            options: the last four as the official SDK has them: `headers`, `params`, `extra_json` and `timeout`.

        Raises:
            TypeError: there is a body twice, or an option that is none.
        """
        if content is not None and (body is not None or files):
            raise TypeError("content excludes body and files: give one")
        from oai._table.undeclared import undeclared_operation  # few programs send what no row declares

        operation = undeclared_operation(method, path, cast_to, stream_cls, list(files or {}))
        sent = {**(body or {}), **files} if files else body if content is None else content
        more = _options(options or {})
        return core_of(self).call(
            operation,
            (),
            query,
            sent,
            stream or None,
            _both(more.get("headers"), extra_headers),
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


def _options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in options:
        if name not in ("headers", "params", "extra_json", "timeout"):
            right = "; client.with_options takes it" if name == "max_retries" else ""
            raise TypeError(f"options has {name!r}; it takes headers, params, extra_json and timeout{right}")
    return options


def _both(options: Any, extra: Any) -> Any:
    """Return what both say together; `extra` goes before."""
    return {**options, **(extra or {})} if options else extra
