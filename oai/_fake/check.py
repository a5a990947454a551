"""Validate programmed answers, and encode them as a server would.

A value is encoded as JSON and decoded strictly as the type in the operation's row. If it does not fit, the error names
the place, what is wrong there, and what would fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin

import msgspec

from oai._json.objects import Object, plain
from oai._json.strict import decoder
from oai._json.unions import untagged_variants
from oai._offline.answers import ANYTHING
from oai._offline.sampler import object_fields
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._table.operation import Operation


def check_answer(operation: Operation, value: Any) -> bytes:
    """Return a response of an operation as JSON text.

    Raises:
        ValueError: the value does not fit the operation's response type.
    """
    return _checked(value, operation.response_type, f"{operation.name} returns {operation.row.response}")


def check_item(operation: Operation, value: Any, place: int) -> Any:
    """Return an item of an operation's list as plain data.

    Raises:
        ValueError: the item does not fit the page's item type.
    """
    kind = (*get_args(operation.response_type), Any)[0]
    expectation = f"{operation.name} returns {operation.row.response}"
    return msgspec.json.decode(_checked(value, kind, expectation, f"item {place}"))


def check_event(operation: Operation, value: Any, place: int) -> Any:
    """Return an event of an operation's stream as plain data.

    Raises:
        ValueError: the event does not fit the stream's event type.
    """
    expectation = f"{operation.name} streams {operation.row.stream}"
    return msgspec.json.decode(_checked(value, operation.stream_type, expectation, f"event {place}"))


def _checked(value: Any, kind: Any, expectation: str, where: str = "") -> bytes:
    subject = f"{where}, {_with_article(value)}," if where else _with_article(value)
    text = _to_json(value, f"{expectation}; {subject}")
    try:
        decoder(Any if kind in ANYTHING else kind).decode(text)
    except msgspec.ValidationError as error:
        hint = _hint(kind, str(error))
        raise ValueError(f"{expectation}; {subject} does not fit: {error}{hint}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{expectation}; {subject} is not valid JSON: {error}") from None
    return text


def _to_json(value: Any, context: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return msgspec.json.encode(plain(value), enc_hook=_to_plain)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{context} cannot be encoded as JSON: {error}") from None


def _to_plain(value: Any) -> Any:
    """Return plain data for a nested object, or for a model with `model_dump` (pydantic's)."""
    if isinstance(value, Object):
        return value.to_dict()
    dump = getattr(value, "model_dump", None)
    if not callable(dump):
        raise TypeError(f"{type(value).__name__} is not plain data")
    return dump(mode="json", exclude_unset=True)


def _with_article(value: Any) -> str:
    if value is None or isinstance(value, bytes):
        return "None" if value is None else "the content"
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiouAEIOU" else f"a {kind}"


def _hint(kind: Any, problem: str) -> str:
    """Return a suggestion, as far as msgspec's message identifies the place and the problem."""
    where = re.search(r"at `\$([^`]*)`", problem)
    names = sorted({name for each in _at(kind, where[1] if where else "") for name in object_fields(each) or ()})
    if unknown := re.search(r"unknown field `([^`]*)`", problem):
        right = nearest(unknown[1], names)
        return f"; did you mean `{right}`?" if right else f"; its fields are {', '.join(names)}"
    if "missing required field" in problem:
        return "; add it, or pass fields as keyword arguments, returns(name=value), which invents the others"
    return ""


def _at(kind: Any, path: str) -> Iterator[Any]:
    """Yield the types that are allowed at a path such as `.choices[...].message`."""
    if untagged_variants(kind) or get_origin(kind) in (Union, UnionType):
        for each in untagged_variants(kind) or get_args(kind):
            yield from _at(each, path)
        return
    step = re.match(r"\.(\w+)|\[[^]]*\]", path)
    if step is None:
        yield kind
    elif step[1] is None:
        for each in get_args(kind)[-1:]:
            yield from _at(each, path[step.end() :])
    else:
        fields = cast("dict[str, tuple[Any, bool]]", object_fields(kind) or {})
        if step[1] in fields:
            yield from _at(fields[step[1]][0], path[step.end() :])
