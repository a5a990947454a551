"""A conversation with a model: its messages, attached files, tools, and how it is saved. It prints nothing."""

from __future__ import annotations

import importlib
import inspect
import json
import mimetypes
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from oai._cli.arguments import UsageError
from oai._errors import OpenAIError
from oai._flow.steps import run
from oai._json.objects import plain
from oai._support.plain_data import as_dict, as_list
from oai.helpers.structured.run_tools import MOST_ROUNDS, ToolRunner, chat_call
from oai.helpers.structured.tools import Tools

Show = Callable[[str], object]


class Conversation:
    """The messages so far, and how to continue them.

    Args:
        client: a sync client.
        params: the parameters of every request, among them the model.
        system: the system message.
        tools: the functions that the model may call.
    """

    def __init__(
        self, client: Any, params: dict[str, Any], system: str | None = None, tools: list[Any] | None = None
    ) -> None:
        self.params = params
        self.messages: list[Any] = []
        self._client = client
        self._tools = Tools(tools or ())
        self._attached: list[dict[str, Any]] = []
        self.set_system(system)

    def set_system(self, text: str | None) -> None:
        """Replace the system message; `None` removes it."""
        self.messages = [each for each in self.messages if not _is_system(each)]
        if text:
            self.messages.insert(0, {"role": "system", "content": text})

    def clear(self) -> None:
        """Forget everything but the system message."""
        self.messages = [each for each in self.messages if _is_system(each)]
        self._attached.clear()

    def attach(self, path: str) -> None:
        """Add a file to the next message: an image, a PDF, or text.

        Raises:
            OSError: it cannot be read.
            OpenAIError: it is none of these.
        """
        content = Path(path).expanduser().read_bytes()
        name = os.path.basename(path)
        kind = mimetypes.guess_type(name)[0] or ""
        if kind.startswith("image/") or kind == "application/pdf":
            data = f"data:{kind};base64,{b64encode(content).decode()}"
            image = {"type": "image_url", "image_url": {"url": data}}
            pdf = {"type": "file", "file": {"filename": name, "file_data": data}}
            self._attached.append(pdf if kind == "application/pdf" else image)
            return
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise OpenAIError(f"{path}: neither an image, a PDF nor UTF-8 text") from None
        self._attached.append({"type": "text", "text": f"{name}:\n{text}"})

    def send(self, text: str, show: Show, notify: Show) -> None:
        """Send a message, and show the text of the model's reply as it arrives; run the tools that it calls.

        If the reply fails, the conversation is as before, the attached files included. If it is interrupted, what has
        arrived of it is kept.

        Args:
            text: the message.
            show: receives each piece of the reply.
            notify: receives a notice for each call of a tool.

        Raises:
            OpenAIError: the request failed, or the model does not stop calling tools.
        """
        before, attached = list(self.messages), list(self._attached)
        content = [*attached, {"type": "text", "text": text}] if attached else text
        self.messages.append({"role": "user", "content": content})
        self._attached.clear()
        try:
            self._reply(show, notify)
        except OpenAIError:
            self.messages, self._attached = before, attached
            raise

    def _reply(self, show: Show, notify: Show) -> None:
        runner = ToolRunner(self._client, self._tools, self.messages, {})
        for _ in range(MOST_ROUNDS):
            calls = [chat_call(call) for call in as_list(self._stream(show).tool_calls)]
            if not calls:
                return
            for call in calls:
                notify(f"{call.name}({call.arguments})")
            for call, result in zip(calls, run(runner.run(calls)), strict=True):
                self.messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        raise runner.too_long()

    def _stream(self, show: Show) -> Any:
        """Stream one completion; append its message to the conversation and return it."""
        tools = {"tools": self._tools.all} if self._tools.all else {}
        pieces: list[str] = []
        with self._client.chat.completions.stream(messages=list(self.messages), **self.params, **tools) as stream:
            try:
                for piece in stream.text_deltas:
                    pieces.append(piece)
                    show(piece)
                message = stream.get_final_completion().choices[0].message
            except KeyboardInterrupt:
                self.messages.append({"role": "assistant", "content": "".join(pieces)})
                raise
        self.messages.append(message)
        return message

    def save(self, path: str) -> None:
        """Write the conversation to a file: all of it as JSON (`.json`), else its text as Markdown."""
        messages = msgspec.to_builtins(plain(self.messages))
        if path.endswith(".json"):
            text = json.dumps(messages, indent=2, ensure_ascii=False) + "\n"
        else:
            text = "\n\n".join(_as_markdown(messages)) + "\n"
        Path(path).expanduser().write_text(text, encoding="utf-8", errors="backslashreplace")

    def load(self, path: str) -> None:
        """Replace the conversation by one that was saved as JSON.

        Raises:
            OSError: the file cannot be read.
            OpenAIError: it is not a list of messages.
        """
        try:
            messages = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        except ValueError:
            messages = None
        if not isinstance(messages, list) or not all(as_dict(each).get("role") for each in messages):
            raise OpenAIError(f"{path}: not a conversation saved as JSON")
        self.messages = messages


def _is_system(message: Any) -> bool:
    return as_dict(plain(message)).get("role") == "system"


def _as_markdown(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        parts = [content] if isinstance(content, str) else [as_dict(part).get("text") for part in as_list(content)]
        text = "\n\n".join(part for part in parts if isinstance(part, str))
        if text:
            yield f"**{message['role']}**\n\n{text}"


def tools_of(module: str) -> list[Any]:
    """Return the tools of a module: its `TOOLS`, or the public functions that it defines.

    Raises:
        UsageError: it cannot be imported, or has none.
    """
    sys.path.insert(0, os.getcwd())
    try:
        imported = importlib.import_module(module.removesuffix(".py"))
    except ImportError as error:
        raise UsageError(f"--tools {module}: {error}") from error
    finally:
        sys.path.pop(0)
    functions = [
        value
        for name, value in vars(imported).items()
        if inspect.isfunction(value) and value.__module__ == imported.__name__ and not name.startswith("_")
    ]
    tools = getattr(imported, "TOOLS", functions)
    if not tools:
        raise UsageError(f"--tools {module}: the module defines no public function")
    return list(tools)
