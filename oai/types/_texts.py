"""What a few answers can do beside holding data. Written by hand, unlike the structs that stand on it."""

from typing import TYPE_CHECKING, Any

from oai._object import Object


class WithOutput(Object):
    """An answer with a list of output items, messages among them."""

    if TYPE_CHECKING:
        output: list[Any]

    @property
    def output_text(self) -> str:
        """The text of all messages in the output, put together; empty if there is none."""
        messages = (item for item in self.output if getattr(item, "type", None) == "message")
        return "".join(_text(message.content) for message in messages)


class WithContent(Object):
    """A message with a list of content parts."""

    if TYPE_CHECKING:
        content: list[Any]

    @property
    def output_text(self) -> str:
        """The text of all parts that are output, put together; empty if there is none."""
        return _text(self.content)


def _text(parts: list[Any]) -> str:
    return "".join(part.text for part in parts if getattr(part, "type", None) == "output_text")
