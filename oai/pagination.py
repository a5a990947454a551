"""Pages by the official SDK's names; here sync and async clients return the same classes."""

from oai._json.pages import ConversationCursorPage as AsyncConversationCursorPage
from oai._json.pages import ConversationCursorPage as SyncConversationCursorPage
from oai._json.pages import CursorPage as AsyncCursorPage
from oai._json.pages import CursorPage as SyncCursorPage
from oai._json.pages import NextCursorPage as AsyncNextCursorPage
from oai._json.pages import NextCursorPage as SyncNextCursorPage
from oai._json.pages import Page as AsyncPage
from oai._json.pages import Page as SyncPage
from oai._json.pages import TokenPage as AsyncTokenPage
from oai._json.pages import TokenPage as SyncTokenPage

__all__ = [
    "AsyncConversationCursorPage",
    "AsyncCursorPage",
    "AsyncNextCursorPage",
    "AsyncPage",
    "AsyncTokenPage",
    "SyncConversationCursorPage",
    "SyncCursorPage",
    "SyncNextCursorPage",
    "SyncPage",
    "SyncTokenPage",
]
