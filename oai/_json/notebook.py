"""Show objects in notebooks: their fields, the items of a page, and images and sounds within them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from oai._json.dump import dump as plain

MEDIA: Final = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
)
"""The first bytes of files that notebooks show."""

MOST_ITEMS: Final = 100
MOST_TEXT: Final = 10_000
DEEPEST: Final = 20
"""Limits of what is shown: items of a list, characters of a text, levels of objects."""

LARGEST: Final = 32 * 2**20
"""Bytes of an image or a sound that is embedded in a notebook."""

LONGEST_BASE64: Final = LARGEST * 4 // 3


def object_html(value: Any) -> str:
    """Return an object as HTML: a list of its fields that can be opened."""
    try:
        fields = _html(plain(value), DEEPEST)
    except RecursionError:
        fields = "<code>...</code>"
    return f"<details open><summary>{escape(type(value).__name__)}</summary>{fields}</details>"


def page_html(value: Any, items: list[Any]) -> str:
    """Return a page as a table of its items, with the fields that are not objects themselves as columns."""
    rows = [plain(item) for item in items[:MOST_ITEMS]]
    names = list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row if _is_short(row[name])))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(_row(row, names) for row in rows)
    rest = f"<p>{len(items) - MOST_ITEMS} more items</p>" if len(items) > MOST_ITEMS else ""
    title = f"<p>{escape(type(value).__name__)} of {len(items)} items</p>"
    return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _row(row: Any, names: list[str]) -> str:
    cells = [_html(row.get(name), 1) for name in names] if isinstance(row, dict) else [_html(row, 1)]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _is_short(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _html(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return _media(value) or f"<span style='white-space: pre-wrap'>{escape(_cut(value))}</span>"
    if value is None or isinstance(value, int | float):
        return f"<code>{escape(str(value))}</code>"
    if depth <= 0:
        return "<code>...</code>"
    if isinstance(value, list) and len(value) > MOST_ITEMS and isinstance(value[0], int | float):
        return f"<code>{len(value)} numbers</code>"
    return f"<ul>{''.join(_items(value, depth - 1))}</ul>"


def _items(value: Any, depth: int) -> Iterator[str]:
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    for name, item in pairs[:MOST_ITEMS]:
        if item is not None:
            yield f"<li><b>{escape(str(name))}</b>: {_html(item, depth)}</li>"
    if len(pairs) > MOST_ITEMS:
        yield f"<li>{len(pairs) - MOST_ITEMS} more</li>"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}... ({len(text)} characters)"


def _media(text: str) -> str | None:
    """Return an image or a sound that a text in base64 contains; addresses are never loaded."""
    if not 64 <= len(text) <= LONGEST_BASE64 or " " in text[:64]:
        return None
    try:
        kind = media_type(b64decode(text[:64], validate=True))
        return None if kind is None else media_html(kind, b64decode(text, validate=True))
    except ValueError:
        return None


def media_type(content: bytes) -> str | None:
    """Return the type of an image or a sound by its first bytes."""
    if content[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(content[8:12])
    return next((kind for start, kind in MEDIA if content.startswith(start)), None)


def media_html(kind: str, content: bytes) -> str | None:
    """Return an image, a sound or a video as an HTML element that contains it, `None` for other types."""
    if len(content) > LARGEST:
        return None
    address = f"data:{escape(kind)};base64,{b64encode(content).decode()}"
    element = kind.partition("/")[0]
    if element == "image" and "svg" not in kind:  # which could contain a program
        return f'<img src="{address}" style="max-width: 100%">'
    if element in ("audio", "video"):
        return f'<{element} controls src="{address}"></{element}>'
    return None
