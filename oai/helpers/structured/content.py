"""The content of a message as a compatible server may send it: text, parts, or a JSON value in place of text."""

from __future__ import annotations

from typing import Any

from oai._json.encode import encode
from oai._json.objects import plain

TEXTS = (None, "text", "output_text")
"""The types of parts whose `text` is the message's text. That of other parts, such as `thinking`, is not."""


def content_pieces(content: Any) -> list[Any]:
    """Return the content of a message as a list of parts: texts, and objects that have a type.

    Mistral sends a list of parts to tell a model's thinking from its text. Some servers send the JSON value itself
    where JSON text was requested; it becomes text.
    """
    if content is None:
        return []
    if isinstance(content, list):
        return [plain(part) for part in content]
    value = plain(content)
    is_part = isinstance(value, dict) and isinstance(value.get("type"), str)
    return [value if isinstance(value, str) or is_part else encode(value).decode()]


def piece_text(piece: Any) -> str:
    """Return the text that a part adds to its message."""
    if isinstance(piece, str):
        return piece
    text = piece.get("text") if isinstance(piece, dict) and piece.get("type") in TEXTS else None
    return text if isinstance(text, str) else ""


def content_text(content: Any) -> str:
    """Return the text of the content of a message."""
    return content if isinstance(content, str) else "".join(map(piece_text, content_pieces(content)))


def arguments_text(arguments: Any) -> str:
    """Return the arguments of a call as JSON text: some servers send the object itself, null or blank text."""
    if arguments is None:
        return "{}"
    text = arguments if isinstance(arguments, str) else encode(arguments).decode()
    return text if text.strip() else "{}"
