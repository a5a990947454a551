"""`output_text` of responses and messages, a property that the official SDK has too."""

from collections.abc import Iterable
from typing import Any

from oai._json.objects import Object


class WithOutputText(Object):
    """Base of responses: the text of all messages as one string."""

    @property
    def output_text(self) -> str:
        """The text of all messages of the output, concatenated; empty if there is none."""
        items: list[Any] = getattr(self, "output", None) or []
        return _joined(
            part for item in items if _type(item) == "message" for part in getattr(item, "content", None) or []
        )


class MessageWithOutputText(Object):
    """Base of messages: the text of all parts as one string."""

    @property
    def output_text(self) -> str:
        """The text of all parts of the message, concatenated; empty if there is none."""
        return _joined(getattr(self, "content", None) or [])


def _joined(parts: Iterable[Any]) -> str:
    return "".join(part.text for part in parts if _type(part) == "output_text")


def _type(value: Any) -> Any:
    return getattr(value, "type", None)
