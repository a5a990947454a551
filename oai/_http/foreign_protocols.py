"""The types of other libraries' objects that are accepted in place of our own, for annotations.

Only type checkers and evaluated annotations need this module: `oai._http.foreign_types` recognizes the objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class URLLike(Protocol):
    """What a base URL may be besides text: httpx's `URL`."""

    @property
    def raw_path(self) -> bytes: ...


class TimeoutLimits(Protocol):
    """What a timeout may be besides `oai.Timeout`: httpx's, with seconds or `None` for each wait."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


class RequestLike(Protocol):
    """What an error may be made with: a request of httpx."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> Any: ...


class ResponseLike(Protocol):
    """What an error may be made with: a response of httpx."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
