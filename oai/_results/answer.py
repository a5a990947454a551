"""Decode a complete response to the result of a call: a struct, a page, text, bytes or `None`; or raise its error."""

from __future__ import annotations

import os
import types
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin

import msgspec

from oai._errors import APIResponseValidationError
from oai._http.foreign_types import has_pydantic_model, is_of_httpx, is_pydantic_model
from oai._http.messages import Headers
from oai._http.response import Response
from oai._json.decode import lenient, parse_json
from oai._json.objects import Kind, Object
from oai._json.strict import DECODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oai._table.operation import Operation


UNDECLARED: Final = frozenset({dict, Object})
"""Classes of results without declared fields, which decode from any object, errors included."""

NO_CONTENT: Final = frozenset({204, 205})


class Text(str):  # noqa: SLOT000 - instances carry their response
    """The result of an operation that returns text: a `str` with its request id."""

    _request_id: str | None = None
    _response: Response | None = None

    @classmethod
    def of(cls, response: Response) -> Text:
        """Return the content of a response as text."""
        text = cls(response.text)
        text._request_id, text._response = response.request_id, response
        return text


class BinaryResponse:
    """The result of an operation that returns binary data, such as speech or the content of a file."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self._request_id = response.request_id

    @property
    def content(self) -> bytes:
        """The content."""
        return self.response.content

    @property
    def text(self) -> str:
        """The content as text in its charset; invalid bytes are replaced."""
        return self.response.text

    @property
    def encoding(self) -> str:
        """The name of the codec that `text` decodes with."""
        return self.response.encoding

    @property
    def charset_encoding(self) -> str | None:
        """The charset that the Content-Type declares."""
        return self.response.charset_encoding

    @property
    def headers(self) -> Headers:
        """The header fields of the response."""
        return self.response.headers

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    def json(self) -> Any:
        """Decode the content as JSON, to plain data."""
        return self.response.json()

    def read(self) -> bytes:
        """Return the content."""
        return self.response.content

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the content in chunks of `chunk_size` bytes; without it, in one chunk."""
        size = chunk_size or max(len(self.content), 1)
        for start in range(0, len(self.content), size):
            yield self.content[start : start + size]

    iter_raw = iter_bytes

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """Yield the text in chunks of `chunk_size` characters; without it, in one chunk."""
        text = self.text
        size = chunk_size or max(len(text), 1)
        for start in range(0, len(text), size):
            yield text[start : start + size]

    def iter_lines(self) -> Iterator[str]:
        """Yield the lines of the text, without their ends: CR, LF or both."""
        from io import StringIO  # `str.splitlines` ends lines at U+2028 and others, which JSON texts contain

        for line in StringIO(self.text, newline=None):
            yield line.removesuffix("\n")

    def write_to_file(self, file: str | os.PathLike[str]) -> None:
        """Write the content to a file atomically.

        Raises:
            OSError: the file cannot be written.
        """
        from oai._support.atomic_files import atomic_write  # few programs write files

        with atomic_write(file) as target:
            target.write(self.content)

    def stream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:  # noqa: ARG002
        """Write the content to a file; the official SDK's name for `write_to_file`."""
        self.write_to_file(file)

    def close(self) -> None:
        """Do nothing: the content has been read. Programs written for the official SDK call it."""

    async def aread(self) -> bytes:
        """Return the content. This and the following methods are those of the official SDK's async client."""
        return self.content

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Yield the content as `iter_bytes` does."""
        for piece in self.iter_bytes(chunk_size):
            yield piece

    aiter_raw = aiter_bytes

    async def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """Yield the text as `iter_text` does."""
        for piece in self.iter_text(chunk_size):
            yield piece

    async def aiter_lines(self) -> AsyncIterator[str]:
        """Yield the lines of the text."""
        for line in self.iter_lines():
            yield line

    async def astream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:  # noqa: ARG002
        """Write the content to a file as `write_to_file` does, without blocking the event loop."""
        from oai._support.async_library import to_thread

        await to_thread(self.write_to_file, file)

    async def aclose(self) -> None:
        """Do nothing, as `close`."""

    def _repr_html_(self) -> str | None:
        from oai._json.notebook import media_html, media_type  # only notebooks call this

        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind.partition("/")[0] not in ("audio", "image", "video"):
            kind = media_type(self.content[:16]) or ""
        return media_html(kind, self.content)

    def __repr__(self) -> str:
        kind = self.headers.get("content-type", "of unknown type")
        return f"<BinaryResponse {len(self.content)} bytes {kind}>"


def response_of(result: Any) -> Response | None:
    """Return the response that a result was decoded from, or `None` if it has none or several."""
    response = getattr(result, "_response", None)
    return response if isinstance(response, Response) else None


def read_answer(
    operation: Operation,
    response: Response,
    fields: Mapping[str, Any] | None = None,
    *,
    unpack: bool = False,
    arrays: bool = False,
) -> Any:
    """Decode a response with a success status as the type that the row declares for it.

    Args:
        operation: the operation of the call.
        response: its response.
        fields: the fields of the request's body, which a row with `response_by` goes by.
        unpack: whether to decode base64 vectors.
        arrays: whether these become arrays instead of lists.

    Raises:
        APIStatusError: the content is an error in spite of the status.
        APIResponseValidationError: the content cannot be decoded.
    """
    kind = operation.response_type
    if operation.row.response_by and fields is not None:
        requested = operation.requested_type(fields)
        # A server that sends text in spite of the requested format is tolerated, as far as the row knows text at all.
        kind = requested | str if _takes_text(kind) and requested is not str else requested
    return read_as(kind, operation.name, response, operation.row.vectors if unpack else None, arrays=arrays)


def read_as(kind: Any, name: str, response: Response, vectors: str | None = None, *, arrays: bool = False) -> Any:
    """Decode a response with a success status as `kind`; `name` is the call path, for error messages."""
    if kind.__class__ is not Kind or vectors is not None or response.status_code in NO_CONTENT:
        return _read_other(kind, name, response, vectors, arrays=arrays)
    try:  # the usual case, a declared object, which is none of the other kinds
        return _with_response(_decode(kind, name, response), response)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(name, response, error) from None


def _read_other(kind: Any, name: str, response: Response, vectors: str | None, *, arrays: bool) -> Any:
    if kind is bytes or kind is str:
        return _plain_result(kind, name, response)
    text = _takes_text(kind) and _is_text(response)
    if text and not response.content.lstrip().startswith(b"{"):
        return Text.of(response)  # text may look like JSON: 42, null, "Yes.", [Music]
    if kind is Response or is_of_httpx(kind):
        return response if kind is Response else _as_httpx(kind, response)
    if kind is None or kind is type(None) or response.status_code in NO_CONTENT:
        return None
    try:
        if vectors is not None:
            from oai._json.vectors import decode_unpacked

            result = decode_unpacked(
                kind, response.content, vectors, lambda *_: _decode(kind, name, response), arrays=arrays
            )
        elif has_pydantic_model(kind):
            result = _as_pydantic(kind, name, response)
        else:
            result = _decode(kind, name, response)
    except (msgspec.DecodeError, RecursionError) as error:
        if text or (_takes_text(kind) and not _claims_json(response)):
            return Text.of(response)
        raise _not_json(name, response, error) from None
    return _with_response(result, response)


def _with_response(result: Any, response: Response) -> Any:
    if isinstance(result, Object):
        attributes = result.__dict__
        attributes["_request_id"] = response.headers.get("x-request-id")
        attributes["_response"] = response
    return result


def _decode(kind: Any, name: str, response: Response) -> Any:
    """Decode JSON: strictly; what does not fit, leniently, unless it is an error or not even of the right kind.

    Raises:
        APIStatusError: the body is an error.
        APIResponseValidationError: the body is null, or another JSON value than the type's.
        msgspec.DecodeError: the body is not JSON.
    """
    mismatch = None
    try:
        result = DECODE[kind](response.content)
    except msgspec.ValidationError as error:
        mismatch = error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    else:
        if result.__class__ not in UNDECLARED:
            return result
    from oai._results.error_bodies import accepted_kinds, is_error, json_kind, success_error

    value = parse_json(response.utf8)
    if is_error(value, kind):
        raise success_error(name, response)
    if isinstance(value, list) and hasattr(get_origin(kind), "next_page_params"):
        value = {"data": value}  # a page without its envelope, as some compatible servers send it
    result = lenient(kind, value, mismatch)
    kinds = accepted_kinds(kind)
    if kinds is not None and json_kind(result) not in kinds:
        expected = " or ".join(sorted(kinds))
        shown = response.excerpt(response.utf8)
        message = f"{name}: the server responded with {json_kind(result)} instead of {expected}: {shown}"
        raise APIResponseValidationError(message, response=response, body=value)
    return result


def _plain_result(kind: Any, name: str, response: Response) -> Text | BinaryResponse:
    """Return a text or binary result, unless it is an error in JSON.

    Content that is retrieved is returned whatever it looks like: a stored file may be the body of an error.
    """
    if response.request.method != "GET" and response.content[:1] in (b"{", b" ", b"\n", b"\r"):
        from oai._results.error_bodies import is_error_text, success_error

        if is_error_text(response.content, is_json="json" in response.headers.get("content-type", "")):
            raise success_error(name, response)
    return Text.of(response) if kind is str else BinaryResponse(response)


def _as_httpx(kind: Any, response: Response) -> Any:
    """Return the response as httpx's, without the fields that described its encoding: the content is decoded."""
    framing = ("content-encoding", "content-length", "transfer-encoding")
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in framing]
    return kind(response.status_code, headers=headers, content=response.content)


def _as_pydantic(kind: Any, name: str, response: Response) -> Any:
    """Validate the response as a pydantic model or a type made of some, as strictly as the models are configured."""
    from oai._results.error_bodies import is_error, success_error

    if is_error(parse_json(response.utf8), kind):
        raise success_error(name, response)
    try:
        if is_pydantic_model(kind):
            return kind.model_validate_json(response.utf8)
        from pydantic import TypeAdapter

        return TypeAdapter(kind).validate_json(response.utf8)
    except ValueError as error:
        message = f"{name}: the response does not match {getattr(kind, '__name__', kind)}: {error}"
        raise APIResponseValidationError(message, response=response, body=response.excerpt(response.utf8)) from error


def _takes_text(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and str in get_args(kind)


def _is_text(response: Response) -> bool:
    return response.headers.get("content-type", "").startswith("text/")


def _claims_json(response: Response) -> bool:
    return "json" in response.headers.get("content-type", "") or response.content[:1] in (b"{", b"[")


def _not_json(name: str, response: Response, error: Exception) -> APIResponseValidationError:
    kind = response.headers.get("content-type", "no content type")
    if not response.content:
        what = "an empty body"
    elif kind.startswith("text/event-stream"):
        what = f"an event stream that was not requested: {response.excerpt(response.utf8)}"
    else:
        what = f"{kind} that is not JSON ({error}): {response.excerpt(response.utf8)}"
    message = f"{name}: the server responded with status {response.status_code} and {what}"
    return APIResponseValidationError(message, response=response, body=response.excerpt(response.utf8))
