"""Print results: data as JSON, streams as text as it arrives, binary content as bytes.

On a terminal, JSON is indented, and control characters in a model's text are escaped so that it cannot control the
terminal; elsewhere JSON is on one line. This module prints results and does not know which call produced them.
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
"""Control characters (C0, DEL, C1) except tab and line feed."""

CONTROLS_OF_JSON = re.compile(r"[\x7f-\x9f]")
"""The control characters that JSON leaves as they are."""

TEXT_DELTAS = re.compile(r"(^|\.)(output_text|refusal|transcript\.text)\.delta$")
"""Matches the tags of events whose `delta` is text."""

TEXT_STREAMS = ("agent.session.", "response.", "thread.", "transcript.")
"""Tag prefixes of streams that carry text; their other events are not printed."""


class Output:
    """The destination of results.

    Args:
        file: the file to write to; the standard output by default.
        json: whether to print everything as JSON, one value on a line.
        text: whether to print only the text of results.
        path: the path of the value to print instead of the whole result.
    """

    def __init__(
        self, file: str | None = None, *, json: bool = False, text: bool = False, path: str | None = None
    ) -> None:
        self._file = file
        self._json = json
        self._text = text
        self._path = path
        self._terminal = file is None and sys.stdout.isatty()

    @property
    def takes_bytes(self) -> bool:
        """Whether binary content can be written: not to a terminal."""
        return not self._terminal

    def write(self, result: Any) -> None:
        """Write a result other than a stream."""
        if isinstance(result, BinaryResponse) and self._file is not None:
            result.write_to_file(self._file)
            return
        with self._opened() as target:
            if isinstance(result, BinaryResponse):
                target.write(result.content)
            elif isinstance(result, str):
                self._put_text(target, result if result.endswith("\n") else f"{result}\n")
            elif result is not None:
                self._put(target, result, indent=self._terminal and not self._json)

    def write_items(self, items: Iterable[Any]) -> None:
        """Write each item as JSON on a line of its own as it arrives."""
        with self._opened() as target:
            for item in items:
                self._put(target, item)
                target.flush()

    def write_events(self, events: Iterable[Any]) -> bool:
        """Write the events of a stream as they arrive: their text if the stream carries text, else JSON lines.

        Returns:
            Whether anything was written.
        """
        written, last = False, ""
        with self._opened() as target:
            try:
                for event in events:
                    data = plain(event)
                    text = None if self._json or self._path else event_text(data)
                    if text is None and self._text:
                        text = ""
                    if text is None:
                        self._put(target, data)
                        written, last = True, ""
                    elif text:
                        self._put_text(target, text)
                        written, last = True, text
                    target.flush()
            finally:  # so that an error message, or the shell's prompt, starts on a new line
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
        if self._text or self._path is not None:
            value = self._selected(plain(value))
            if isinstance(value, str) and not self._json:
                self._put_text(target, value if value.endswith("\n") else f"{value}\n")
                return
        data = msgspec.json.encode(plain(value))
        if not self._terminal:
            target.write((msgspec.json.format(data, indent=2) if indent else data) + b"\n")
            return
        # JSON escapes C0 alone; as a C1 character, text could control the terminal.
        text = CONTROLS_OF_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", data.decode())
        if indent:
            text = msgspec.json.format(text, indent=2)
        from oai._cli.terminal import print_json

        if not (indent and print_json(text)):
            target.write(text.encode() + b"\n")

    def _selected(self, data: Any) -> Any:
        from oai._cli.readable import parse_path, text_of, value_at

        data = msgspec.to_builtins(data)
        return text_of(data) if self._path is None else value_at(data, parse_path(self._path))

    def _put_text(self, target: BinaryIO, text: str) -> None:
        target.write(printable(text, terminal=self._terminal))


def printable(text: str, *, terminal: bool) -> bytes:
    """Encode text for the output, with control characters escaped where it is a terminal."""
    return (without_controls(text) if terminal else text).encode(errors="backslashreplace")


def without_controls(text: str) -> str:
    """Return a text with its control characters escaped."""
    return CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def event_text(event: Any) -> str | None:
    """Return the text that an event adds, which may be empty; `None` if its stream carries no text.

    With several choices only the first is printed, since their texts are interleaved.
    """
    fields = as_dict(event)
    tag = str(fields.get("type") or fields.get("event") or "")
    if "choices" in fields:
        return _choice(as_list(fields["choices"]))
    if tag == "thread.message.delta":
        parts = as_list(as_dict(as_dict(fields.get("data")).get("delta")).get("content"))
        return "".join(str(as_dict(as_dict(part).get("text")).get("value") or "") for part in parts)
    if TEXT_DELTAS.search(tag):
        return str(fields.get("delta") or "")
    return "" if tag.startswith(TEXT_STREAMS) else None


def _choice(choices: list[Any]) -> str | None:
    """Return the text of the first choice; `None` for a tool call, which must be printed as JSON."""
    for choice in map(as_dict, choices):
        if not choice.get("index"):
            delta = as_dict(choice.get("delta")) or choice
            text = delta.get("content") or delta.get("refusal") or delta.get("text")
            return None if not text and delta.get("tool_calls") else str(text or "")
    return ""


def drop(stream: TextIO) -> None:
    """Redirect a standard stream whose reader is gone to the null device, since Python flushes it at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass  # a stream without a descriptor has nothing to flush to
