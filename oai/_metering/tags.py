"""The tags by which a `Usage` keeps its totals apart: that of the running block, and that of a header field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

TAG_HEADER: Final = "x-oai-tag"
"""The header field with the tag of a request. It is taken off before the request is sent."""

current_tag: ContextVar[str] = ContextVar("oai_usage_tag", default="")


@contextmanager
def tagged(name: str) -> Iterator[None]:
    """Tag the requests of a `with` block, also those of tasks that it starts."""
    token = current_tag.set(name)
    try:
        yield
    finally:
        current_tag.reset(token)
