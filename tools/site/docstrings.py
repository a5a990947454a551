"""Write docstrings as Markdown: their sections become lists, their indented blocks code."""

from __future__ import annotations

import re
from collections.abc import Iterator

TITLES = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Raises", "Returns": "Returns", "Yields": "Yields"}
"""The sections of a docstring, and their titles on a page."""

_CODE = re.compile(r"(`+[^`]*`+)")

_ENTRY = re.compile(r" {4}([\w, .*]+): (.*)")


def as_markdown(doc: str) -> str:
    """Return a docstring, as `inspect.getdoc` returns it, as Markdown."""
    return "\n\n".join(part for block in _blocks(doc) if (part := _written(block)))


def _blocks(doc: str) -> Iterator[list[str]]:
    """Yield the paragraphs, sections and blocks of code of a docstring as lines."""
    block: list[str] = []
    for line in doc.split("\n"):
        begins = line.rstrip(":") in TITLES and line.endswith(":")
        if begins or (not line and not _is_code(block)) or (_is_code(block) and line[:1].strip()):
            yield block
            block = []
        if line or block:
            block.append(line)
    yield block


def _is_code(block: list[str]) -> bool:
    return bool(block) and block[0].startswith("    ")


def _written(block: list[str]) -> str:
    while block and not block[-1]:
        block = block[:-1]
    if not block:
        return ""
    if _is_code(block):
        return "\n".join(["```py", *(line[4:] for line in block), "```"])
    title = TITLES.get(block[0].rstrip(":"))
    if title is None:
        return _escaped("\n".join(block))
    return f"**{title}**\n\n" + "\n".join(_entries(block[1:]))


def _entries(lines: list[str]) -> Iterator[str]:
    """Yield the entries of a section as items of a list; a section without names is one paragraph."""
    for line in lines:
        if entry := _ENTRY.fullmatch(line):
            names = ", ".join(f"`{name}`" for name in entry[1].split(", "))
            yield f"- {names}: {_escaped(entry[2])}"
        else:
            yield f"  {_escaped(line.strip())}" if line.startswith(" " * 8) else _escaped(line.strip())


def _escaped(text: str) -> str:
    """Return text with the characters escaped that Markdown would take for markup, except within code."""
    parts = _CODE.split(text)
    return "".join(part if part.startswith("`") else re.sub(r"([<*_{\[$])", r"\\\1", part) for part in parts)
