"""`output_text` of responses and messages, a property that the official SDK has too."""

from collections.abc import Iterable
from typing import Any

from oai._json.objects import Object
from oai._support.plain_data import as_list


class WithOutputText(Object):
    """Base of responses: the text of all messages as one string."""

    @property
    def output_text(self) -> str:
        """The text of all messages of the output, concatenated; empty if there is none."""
        messages = [item for item in as_list(getattr(self, "output", None)) if _member(item, "type") == "message"]
        return _joined(part for message in messages for part in as_list(_member(message, "content")))


class MessageWithOutputText(Object):
    """Base of messages: the text of all parts as one string."""

    @property
    def output_text(self) -> str:
        """The text of all parts of the message, concatenated; empty if there is none."""
        return _joined(as_list(getattr(self, "content", None)))


def _joined(parts: Iterable[Any]) -> str:
    return "".join(_text(part) for part in parts if _member(part, "type") == "output_text")


def _text(part: Any) -> str:
    """Return the text of a part, empty if a server sent none or something else."""
    text = _member(part, "text")
    return text if isinstance(text, str) else ""


def _member(value: Any, name: str) -> Any:
    """Return a field of an object; data of no known type may be a dict."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
