"""Break the long lines of a stub, so that people can read it and review what changes in it.

Lists of constants have one value on a line, unions one variant, signatures one parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Final

WIDEST: Final = 120

IMPORT: Final = re.compile(r"(\s*from \S+ import )(.*)")
ALIAS: Final = re.compile(r"(\s*\w+: TypeAlias = )(.*)")
SIGNATURE: Final = re.compile(r"(\s*(?:async )?def \w+\()(.*)(\) -> .*)")
ARGUMENT: Final = re.compile(r"\s*\w+: \S")
OPENING, CLOSING = "([{", ")]}"


def break_lines(text: str) -> str:
    """Return the text of a stub without long lines, where they can be broken."""
    lines: list[str] = []
    in_docstring = False
    for line in text.split("\n"):
        quotes = line.count('"""')
        if len(line) <= WIDEST or line.lstrip().startswith("#"):
            lines.append(line)
        else:
            lines += _prose(line) if in_docstring or quotes else _code(line)
        in_docstring ^= quotes % 2 == 1
    return "\n".join(lines)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _prose(line: str) -> list[str]:
    indent = _indent(line)
    further = f"{indent}    " if ARGUMENT.match(line) else indent
    return wrap(
        line.strip(),
        WIDEST,
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _code(line: str) -> Iterator[str]:
    indent = _indent(line)
    further = f"{indent}    "
    if found := IMPORT.fullmatch(line):
        yield f"{found[1]}("
        yield from wrap(f"{found[2]},", WIDEST, initial_indent=further, subsequent_indent=further)
        yield f"{indent})"
    elif found := ALIAS.fullmatch(line):
        yield f"{found[1]}("
        yield from _union(found[2], further, "| ")
        yield f"{indent})"
    elif found := SIGNATURE.fullmatch(line):
        yield found[1]
        for parameter in split(found[2], ", "):
            yield from _fitted(f"{parameter},", further)
        yield from _fitted(f"{found[3]}", indent)
    elif line.endswith(","):
        for parameters in _filled(split(line.strip()[:-1], ", "), WIDEST - len(indent)):
            yield from _fitted(parameters, indent)
    else:
        yield from _brackets(line.strip(), indent)


def _filled(parameters: list[str], width: int) -> list[str]:
    """Return as many parameters on each line as fit."""
    lines = [f"{parameters[0]},"]
    for parameter in parameters[1:]:
        if len(lines[-1]) + len(parameter) + 2 <= width:
            lines[-1] += f" {parameter},"
        else:
            lines.append(f"{parameter},")
    return lines


def _fitted(text: str, indent: str) -> Iterator[str]:
    """Yield a parameter on as many lines as it needs: within the parentheses of a signature a union may be broken."""
    if len(indent) + len(text) <= WIDEST:
        yield indent + text
    elif len(split(text, " | ")) > 1 and not text.startswith(")"):
        yield from _union(text, indent, "    | ")
    else:
        yield from _brackets(text, indent)


def _union(text: str, indent: str, operator: str) -> Iterator[str]:
    for number, variant in enumerate(split(text, " | ")):
        yield from _brackets(f"{operator}{variant}" if number else variant, indent)


def _brackets(text: str, indent: str) -> Iterator[str]:
    """Yield an expression with the items of its first brackets on lines of their own, if it is too long."""
    start = text.find("[")
    if len(indent) + len(text) <= WIDEST:
        yield indent + text
    elif len(split(text, " | ")) > 1:
        yield from _union(text, indent, "| ")
    elif start < 0:
        yield indent + text
    else:
        end = _closing(text, start)
        further = " " * (len(text) - len(text.lstrip()) + 4) + indent
        items = split(text[start + 1 : end], ", ")
        comma = "," if len(items) > 1 else ""  # with one item it would make a tuple
        yield f"{indent}{text[: start + 1]}"
        for item in items:
            yield from _brackets(f"{item}{comma}", further)
        yield f"{further[4:]}{text[end:]}"


def split(text: str, separator: str) -> list[str]:
    """Split a text where a separator stands outside of brackets and of strings."""
    parts, start = [], 0
    for at, depth in _outside_strings(text):
        if depth == 0 and text.startswith(separator, at):
            parts.append(text[start:at])
            start = at + len(separator)
    return [*parts, text[start:]]


def _closing(text: str, start: int) -> int:
    """Return where the bracket closes that opens at `start`."""
    return next((at for at, depth in _outside_strings(text, start) if depth == 0), len(text))


def _outside_strings(text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yield each position outside of strings, with the number of brackets that are open after it."""
    depth, quote = 0, ""
    for at in range(start, len(text)):
        letter = text[at]
        if quote:
            quote = "" if letter == quote and text[at - 1] != "\\" else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += (letter in OPENING) - (letter in CLOSING)
            yield at, depth
