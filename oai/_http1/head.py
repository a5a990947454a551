"""The head of a message: names, field lines, and the status line (RFC 9112, sections 2 to 5; RFC 9110, section 5).

A head is a start line and field lines, each ended by CRLF, and an empty line. What is accepted:

- A name is a token, with no whitespace before the colon (RFC 9112, section 5.1). Anything else is an error.
- Whitespace around a value is not part of it (RFC 9112, section 5). Only SP and HTAB are whitespace; `str.strip()`
  without an argument would also remove characters that belong to the value.
- A value contains no CR, LF or NUL. Other control characters stay as they are (RFC 9110, section 5.5).
- A line that begins with whitespace continues the value before it (obs-fold); the fold becomes a space (RFC 9112,
  section 5.2). Before the first field line there is nothing to continue, and the head is refused (section 2.2).
- A line may end with LF alone (section 2.2). A CR anywhere else is an error.
- An empty line before the status line is an error: only a server should ignore one (section 2.2).
- The version is HTTP/1 with any minor version (RFC 9110, section 2.5), the status 100 to 999, and the reason optional,
  with the space before it, since servers omit both.

Octets are decoded as ISO-8859-1, which maps each to the character of its number, so that nothing is lost (RFC 9110,
section 5.5).

`read_head` implements all of that. `read_usual_head` implements the usual case alone, in a few operations over the
whole head: CRLF line ends, no folds, and a status line that `read_head` has accepted before. It returns `None` for any
other head, including every invalid one, so that each rule and each error exists once. A server names the same fields
in the same order in response after response: the names of a head are compared with those of an earlier one, and its
values stay in their lines until they are looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, overload

from oai._http1.errors import LimitError, ResponseError, quoted

Fields: TypeAlias = "Sequence[tuple[str, str]]"
"""Field lines in their order, names in their case."""

Index: TypeAlias = "Mapping[str, str]"
"""Values by lower-case name; those of one name are joined by a comma (RFC 9110, section 5.2)."""

StatusLine: TypeAlias = tuple[int, int, str]
"""Minor version, status, reason."""

MOST_FIELDS = 256
"""Field lines of a head or of trailers, continuation lines included."""

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # noqa: S105 - RFC 9110, section 5.6.2
"""The characters of a token, which names and methods are."""

TEXT = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
"""The octets that RFC 9110, section 5.5 allows in a value: `head.translate(None, TEXT)` leaves the others."""

NAMES: dict[str, str] = {}
"""Valid names and their lower-case form: a look-up instead of a check. Bounded, since servers choose the names."""

STATUS_LINES: dict[str, StatusLine] = {"HTTP/1.1 200 OK": (1, 200, "OK")}
"""Valid status lines, likewise."""

MOST_REMEMBERED = 512
MOST_LINES_REMEMBERED = 64
LONGEST_REMEMBERED = 64
"""Entries of `NAMES` and of `STATUS_LINES`, lines of `SHAPES`, and characters of each entry and line."""


Shape: TypeAlias = tuple[list[str], dict[str, int]]
"""The prefixes of the field lines of a head, each a name and a colon; and the number of the line by lower-case name."""

SHAPES: dict[int, Shape] = {}
"""The shape of the last valid head by its number of lines. Bounded like `NAMES`."""


class FieldLines(Sequence[tuple[str, str]]):
    """Valid field lines, which are split into names and values when they are read: few programs do that.

    Args:
        lines: the lines.
    """

    __slots__ = ("_lines",)

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    @overload
    def __getitem__(self, at: int) -> tuple[str, str]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[tuple[str, str]]: ...
    def __getitem__(self, at: int | slice) -> tuple[str, str] | Sequence[tuple[str, str]]:
        lines = self._lines[at]
        return _name_and_value(lines) if isinstance(lines, str) else [_name_and_value(line) for line in lines]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return map(_name_and_value, self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        return self[:] == other

    __hash__ = None  # type: ignore[assignment]  # as of a list


class FieldIndex(Mapping[str, str]):
    """Values by lower-case name, each of which is taken from its line when it is looked up.

    Args:
        lines: valid field lines.
        places: the number of the line by lower-case name.
    """

    __slots__ = ("_lines", "_places")

    def __init__(self, lines: list[str], places: Mapping[str, int]) -> None:
        self._lines = lines
        self._places = places

    def __getitem__(self, name: str) -> str:
        return _name_and_value(self._lines[self._places[name]])[1]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a field, or the default."""
        place = self._places.get(name)
        return default if place is None else self._lines[place].partition(":")[2].strip(" \t")

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _name_and_value(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip(" \t")


def is_token(text: str) -> bool:
    """Tell whether a text is a token (RFC 9110, section 5.6.2)."""
    return bool(text) and not text.strip(TOKEN)


def lower_name(name: str) -> str | None:
    """Return the lower-case form of a field name, or `None` if it is not a token."""
    if (lower := NAMES.get(name)) is None and is_token(name):
        lower = name.lower()
        if len(name) <= LONGEST_REMEMBERED and len(NAMES) < MOST_REMEMBERED:
            NAMES[name] = lower
    return lower


def tokens_of(value: str) -> list[str]:
    """Return the elements of a comma-separated list in lower case, without empty ones (RFC 9110, section 5.6.1)."""
    return [item for part in value.lower().split(",") if (item := part.strip(" \t"))]


def read_usual_head(head: bytes) -> tuple[StatusLine, Fields, Index] | None:
    """Parse a head, given without its empty line, if nothing about it is unusual."""
    lines = head.decode("latin-1").split("\r\n")
    first = STATUS_LINES.get(lines[0])
    breaks = len(lines) - 1
    if first is None or breaks > MOST_FIELDS or head.translate(None, TEXT) != b"\r\n" * breaks:
        return None
    del lines[0]
    shape = SHAPES.get(breaks)
    if shape is None or not all(map(str.startswith, lines, shape[0])):
        shape = _shape_of(lines)
        if shape is None:
            return None
    fields, places = FieldLines(lines), shape[1]
    if len(places) == breaks:
        return first, fields, FieldIndex(lines, places)
    return first, fields, _joined((name.lower(), value) for name, value in fields)


def _shape_of(lines: list[str]) -> Shape | None:
    """Return the shape of field lines, or `None` if one of them has no valid name."""
    prefixes: list[str] = []
    places: dict[str, int] = {}
    for place, line in enumerate(lines):
        name, colon, _ = line.partition(":")
        lower = lower_name(name)
        if lower is None or not colon:
            return None
        prefixes.append(f"{name}:")
        places[lower] = place
    shape = prefixes, places
    if len(lines) <= MOST_LINES_REMEMBERED and max(map(len, prefixes), default=0) <= LONGEST_REMEMBERED:
        SHAPES[len(lines)] = shape
    return shape


def read_head(lines: list[str]) -> tuple[StatusLine, Fields, Index]:
    """Parse a head from its lines, or say what is wrong with it."""
    return (read_status_line(lines[0] if lines else ""), *read_fields(lines[1:]))


def read_status_line(line: str) -> StatusLine:
    """Parse a status line (RFC 9112, section 4)."""
    if (remembered := STATUS_LINES.get(line)) is not None:
        return remembered
    _check_characters(line)
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if not (version.startswith("HTTP/1.") and len(version) == 8 and version[7].isdecimal()):
        raise ResponseError(f"the response is not HTTP/1: it begins with {quoted(line)}")
    if not (len(code) == 3 and code.isdecimal() and code >= "100"):
        raise ResponseError(f"invalid status in the response: {quoted(line)}")
    parsed = int(version[7]), int(code), reason
    if len(line) <= LONGEST_REMEMBERED and len(STATUS_LINES) < MOST_REMEMBERED:
        STATUS_LINES[line] = parsed
    return parsed


def read_fields(lines: list[str]) -> tuple[Fields, Index]:
    """Parse field lines, those of a head or trailers."""
    if len(lines) > MOST_FIELDS:
        raise LimitError(f"the response has more than {MOST_FIELDS} header lines")
    fields: list[tuple[str, str]] = []
    lowers: list[str] = []
    for line in _unfolded(lines):
        _check_characters(line)
        name, colon, value = line.partition(":")
        lower = lower_name(name)
        if lower is None or not colon:
            raise ResponseError(f"invalid header line in the response: {quoted(line)}")
        fields.append((name, value.strip(" \t")))
        lowers.append(lower)
    return fields, _joined((lower, value) for lower, (_, value) in zip(lowers, fields, strict=True))


def _joined(pairs: Iterable[tuple[str, str]]) -> Index:
    index: dict[str, str] = {}
    for lower, value in pairs:
        index[lower] = f"{index[lower]}, {value}" if lower in index else value
    return index


def _unfolded(lines: list[str]) -> list[str]:
    whole: list[str] = []
    for line in lines:
        if not line.startswith((" ", "\t")):
            whole.append(line)
        elif whole:
            whole[-1] += " " + line.lstrip(" \t")
        else:
            raise ResponseError(f"the response has whitespace before its first header: {quoted(line)}")
    return whole


def _check_characters(line: str) -> None:
    if "\r" in line or "\0" in line:
        raise ResponseError(f"the response has a CR or NUL within a line: {quoted(line)}")
