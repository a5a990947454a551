"""`output_text` for answers that hold messages, a convenience that people know from the official SDK."""

from collections.abc import Iterable
from typing import Any

from oai._json.objects import Object


class WithOutputText(Object):
    """A response whose messages can be read as one text."""

    @property
    def output_text(self) -> str:
        """All text of the output's messages, joined without a space between; empty where there is none."""
        items: list[Any] = getattr(self, "output", None) or []
        return _joined(
            part for item in items if _type(item) == "message" for part in getattr(item, "content", None) or []
        )


class MessageWithOutputText(Object):
    """A message whose parts can be read as one text."""

    @property
    def output_text(self) -> str:
        """The text of the message's parts, joined without a space between; empty where there is none."""
        return _joined(getattr(self, "content", None) or [])


def _joined(parts: Iterable[Any]) -> str:
    return "".join(part.text for part in parts if _type(part) == "output_text")


def _type(value: Any) -> Any:
    return getattr(value, "type", None)
