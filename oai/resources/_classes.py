"""The classes behind call paths, by a kind and a path: `sync.chat.completions`, as `official.txt` names them.

The kinds are those of the official SDK's classes: of `OpenAI` and `AsyncOpenAI`, and of their views, whose methods
return raw or streamed responses. A class is built when its name is first used.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, Final

from oai._client.async_client import AsyncOpenAI
from oai._client.sync_client import OpenAI
from oai._client.table_classes import view_class

VIEWS: Final = {"raw": "WithRawResponse", "streaming": "WithStreamingResponse"}
"""What the names of a view's classes end with."""


def __getattr__(name: str) -> Any:
    """Return the class of a kind and path: `sync`, `async_raw`, `sync_streaming`, ..."""
    kind, _, path = name.partition(".")
    side, _, view = kind.partition("_")
    if side not in ("sync", "async") or view not in ("", *VIEWS) or not path:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    is_async = side == "async"
    if view:
        owner: type = view_class(OpenAI, (), VIEWS[view], is_async=is_async)
    else:
        owner = AsyncOpenAI if is_async else OpenAI
    return reduce(getattr, path.split("."), owner)
