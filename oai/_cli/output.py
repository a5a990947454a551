"""What the command line prints: answers as JSON, streams as text while it comes, binary content as bytes.

On a terminal JSON is indented and control characters in a model's text are shown instead of obeyed; anywhere else
JSON is on one line. This module is given results and knows nothing of how they were asked for.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from oai._http.response import Response
from oai._json.objects import plain
from oai._results.answer import BinaryResponse
from oai._support.plain_data import as_dict, as_list

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TextIO

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that tell a terminal what to do, but for tab and line feed."""

SPEAKING = re.compile(r"(^|\.)(output_text|refusal|transcript\.text)\.delta$")
"""Tags of events whose `delta` is text."""

SPOKEN_FAMILIES = ("agent.session.", "response.", "thread.", "transcript.")
"""How the tags of streams begin that tell a text, in which all other events are left out."""


class Output:
    """Where a result goes.

    Args:
        file: the file to write to instead of the standard output.
        json: whether everything is JSON, one value on a line.
    """

    def __init__(self, file: str | None = None, *, json: bool = False) -> None:
        self._file = file
        self._json = json
        self._terminal = file is None and sys.stdout.isatty()

    @property
    def takes_bytes(self) -> bool:
        """Whether binary content can be written, which a terminal would not survive."""
        return not self._terminal

    def write(self, result: Any) -> None:
        """Write the result of a call that is no stream."""
        if isinstance(result, BinaryResponse) and self._file is not None:
            result.write_to_file(self._file)
            return
        with self._opened() as target:
            if isinstance(result, BinaryResponse):
                target.write(result.content)
            elif isinstance(result, str):
                self._say(target, result if result.endswith("\n") else f"{result}\n")
            elif result is not None:
                self._put(target, result, indent=self._terminal and not self._json)

    def write_items(self, items: Iterable[Any]) -> None:
        """Write each item as JSON on a line of its own, as it comes."""
        with self._opened() as target:
            for item in items:
                self._put(target, item)
                target.flush()

    def write_events(self, events: Iterable[Any]) -> bool:
        """Write the events of a stream as they come: their text where they tell one, else JSON lines.

        Returns:
            Whether anything was written.
        """
        written, last = False, ""
        with self._opened() as target:
            try:
                for event in events:
                    data = plain(event)
                    text = None if self._json else spoken(data)
                    if text is None:
                        self._put(target, data)
                        written, last = True, ""
                    elif text:
                        self._say(target, text)
                        written, last = True, text
                    target.flush()
            finally:  # an error's line, or the shell's prompt, begins on a line of its own
                if last and not last.endswith("\n"):
                    target.write(b"\n")
                    target.flush()
        return written

    @contextmanager
    def _opened(self) -> Generator[BinaryIO]:
        if self._file is not None:
            with open(self._file, "wb") as target:
                yield target
        else:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()

    def _put(self, target: BinaryIO, value: Any, *, indent: bool = False) -> None:
        value = value.json() if isinstance(value, Response) else value
        data = msgspec.json.encode(plain(value))
        target.write((msgspec.json.format(data, indent=2) if indent else data) + b"\n")

    def _say(self, target: BinaryIO, text: str) -> None:
        if self._terminal:
            text = CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
        target.write(text.encode(errors="backslashreplace"))


def spoken(event: Any) -> str | None:
    """Return the text that an event adds, empty if it adds none; `None` where its stream tells no text.

    Of several choices only the first is told, since they come mixed.
    """
    fields = as_dict(event)
    tag = str(fields.get("type") or fields.get("event") or "")
    if "choices" in fields:
        return _choice(as_list(fields["choices"]))
    if tag == "thread.message.delta":
        parts = as_list(as_dict(as_dict(fields.get("data")).get("delta")).get("content"))
        return "".join(str(as_dict(as_dict(part).get("text")).get("value") or "") for part in parts)
    if SPEAKING.search(tag):
        return str(fields.get("delta") or "")
    return "" if tag.startswith(SPOKEN_FAMILIES) else None


def _choice(choices: list[Any]) -> str | None:
    """Return the text of the first choice; `None` where a tool is called, which is no text but must be seen."""
    for choice in map(as_dict, choices):
        if not choice.get("index"):
            delta = as_dict(choice.get("delta")) or choice
            text = delta.get("content") or delta.get("refusal") or delta.get("text")
            return None if not text and delta.get("tool_calls") else str(text or "")
    return ""


def drop(stream: TextIO) -> None:
    """Send the rest of a standard stream nowhere, since its reader is gone and Python would flush it at the end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # a stream without a descriptor has nothing to flush to
