"""Accumulate the chunks of a chat completion, at constant cost per chunk.

`Completion` keeps text as lists of pieces and builds a `ChatCompletion` on demand. Compatible servers repeat a tool's
name in every chunk, omit the index, the role or the usage, give all calls the same index, and add fields of their own.
All of that is accepted, and no data is lost: `chat_calls` and `undeclared` have the rules.
"""

from __future__ import annotations

from typing import Any

from oai._json.decode import convert
from oai._json.objects import plain
from oai.helpers.streaming.chat_calls import ToolCall, field
from oai.helpers.streaming.partial_text import GrowingText
from oai.helpers.streaming.undeclared import NOT_OF_ANSWER, Parts, finished
from oai.helpers.structured.content import content_pieces, piece_text
from oai.types.chat import ChatCompletion


class Choice:
    """A choice so far."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.role: str | None = None
        self.content: GrowingText | None = None
        """The text of the content."""
        self.parts: Parts | None = None
        """The content if the server sends it as a list."""
        self.parsed: Any = None
        """The parsed content, once it is done."""
        self.refusal: GrowingText | None = None
        self.calls: list[ToolCall] = []
        self.function_call: ToolCall | None = None
        self.audio: dict[str, Any] = {}
        self.logprobs: dict[str, list[Any]] = {}
        self.finish_reason: str | None = None
        self.done: set[str] = set()
        self.extra: dict[str, Any] = {}
        self.message_extra: dict[str, Any] = {}

    def add_content(self, content: Any) -> str | None:
        """Add the `content` of a delta and return its text, or `None` if it has none."""
        if content is None:
            return None
        if isinstance(content, str) and self.parts is None:  # as the API has it
            self.content = self.content or GrowingText()
            self.content.append(content)
            return content
        if isinstance(content, list) and self.parts is None:
            self.parts = Parts()
            self.parts.add([self.content.text()] if self.content is not None else [])
        pieces = content_pieces(content)
        if self.parts is not None:
            self.parts.add(pieces)
        text = "".join(map(piece_text, pieces))
        if not text and not isinstance(content, str):
            return None
        self.content = self.content or GrowingText()
        self.content.append(text)
        return text

    def sorted_calls(self) -> list[ToolCall]:
        """Return the tool calls in the order of their index, as they are in the message."""
        return sorted(self.calls, key=lambda call: call.index)

    def to_dict(self) -> dict[str, Any]:
        """Return the choice in the API's shape."""
        message = {"role": self.role or "assistant", **finished(self.message_extra)}
        for name, value in (("content", self.content), ("refusal", self.refusal)):
            if value is not None:
                message[name] = value.text()
        if self.parts is not None and not self.parts.is_text:
            message["content"] = self.parts.to_list()
        if self.calls:
            message["tool_calls"] = [call.to_dict() for call in self.sorted_calls()]
        if self.function_call is not None:
            message["function_call"] = self.function_call.to_dict()["function"]
        if self.audio:
            message["audio"] = finished(self.audio)
        choice = {"index": self.index, "finish_reason": self.finish_reason, "message": message}
        if self.logprobs:
            choice["logprobs"] = {name: [plain(token) for token in tokens] for name, tokens in self.logprobs.items()}
        return {**finished(self.extra), **choice}  # an undeclared `message` must not replace the accumulated one


class Completion:
    """A chat completion so far."""

    def __init__(self) -> None:
        self.top: dict[str, Any] = {}
        self.choices: dict[int, Choice] = {}

    def add(self, chunk: Any) -> None:
        """Add the fields of a chunk other than its choices."""
        top = self.top
        for name in ("id", "created", "model", "service_tier", "system_fingerprint", "usage", "moderation"):
            value = getattr(chunk, name, None)
            if value or (value is not None and name not in top):
                top[name] = value
        extra = getattr(chunk, "__dict__", None)
        if extra:
            top.update({name: value for name, value in extra.items() if name not in NOT_OF_ANSWER})

    def choice(self, delta: Any) -> Choice:
        """Return the choice that an item of a chunk's `choices` belongs to."""
        index = field(delta, "index")
        index = index if isinstance(index, int) else 0
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = Choice(index)
        return choice

    def snapshot(self) -> ChatCompletion:
        """Return the completion so far."""
        data = {name: plain(value) for name, value in self.top.items()}
        choices = [self.choices[index].to_dict() for index in sorted(self.choices)]
        completion: ChatCompletion = convert(ChatCompletion, {"object": "chat.completion", **data, "choices": choices})
        return completion
