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
    """Return the class of a kind and path: `sync`, `async_raw`, ...; `sync.live.connect` is that of its connections."""
    kind, _, path = name.partition(".")
    side, _, view = kind.partition("_")
    if side not in ("sync", "async") or view not in ("", *VIEWS) or not path:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    is_async = side == "async"
    if path.endswith(".connect"):
        return _connections(path, is_async=is_async)
    if view:
        owner: type = view_class(OpenAI, (), VIEWS[view], is_async=is_async)
    else:
        owner = AsyncOpenAI if is_async else OpenAI
    return reduce(getattr, path.split("."), owner)


def _connections(path: str, *, is_async: bool) -> Any:
    """Return the class of the connections that a row of the shipped table opens."""
    from oai._realtime.connection import AsyncConnection, Connection
    from oai._realtime.senders import connection_class
    from oai._table.load import shipped_table

    socket: Any = shipped_table().helpers[path]
    return connection_class(AsyncConnection if is_async else Connection, path, socket, is_async=is_async)
