"""Types of arguments by their names in `openai._types`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar

from oai._support.file_types import Content, File
from oai._support.omit import Omit

T = TypeVar("T")
ModelT = TypeVar("ModelT")
ResponseT = TypeVar("ResponseT")

NoneType = type(None)
Headers: TypeAlias = Mapping[str, str | Omit]
HeadersLike: TypeAlias = Headers
Query: TypeAlias = Mapping[str, object]
Body: TypeAlias = object
AnyMapping: TypeAlias = Mapping[str, object]
FileContent: TypeAlias = Content
FileTypes: TypeAlias = File
Base64FileInput: TypeAlias = Any
DataResidency: TypeAlias = Literal["global", "us", "eu", "ae", "au", "in", "jp"]
BinaryTypes: TypeAlias = Any
AsyncBinaryTypes: TypeAlias = Any
RequestFiles: TypeAlias = Mapping[str, File] | Sequence[tuple[str, File]]
Omittable: TypeAlias = T | Omit
SequenceNotStr: TypeAlias = Sequence[T]
StrBytesIntFloat: TypeAlias = str | bytes | int | float
IncEx: TypeAlias = set[int] | set[str] | Mapping[int, Any] | Mapping[str, Any]
PostParser: TypeAlias = Callable[[Any], Any]
ArrayFormat: TypeAlias = Literal["comma", "repeat", "indices", "brackets"]
NestedFormat: TypeAlias = Literal["dots", "brackets"]
ProxiesTypes: TypeAlias = str | Mapping[str, str | None] | Any
ProxiesDict: TypeAlias = Mapping[str, str | None]
AzureADTokenProvider: TypeAlias = Callable[[], str]
AsyncAzureADTokenProvider: TypeAlias = Callable[[], Any]


class RequestOptions(TypedDict, total=False):
    """Options of `client.post` and its kin."""

    headers: Headers
    max_retries: int
    timeout: Any
    params: Query
    extra_json: AnyMapping
    idempotency_key: str
    follow_redirects: bool
