"""Whether a canned answer could be one: what a test gives, to the bytes that a server would send.

A value is put into JSON and decoded strictly as the type that the row says. What does not fit is refused with the
place, what is wrong there, and what would be right.
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
    """Return an answer of an operation as JSON text.

    Raises:
        ValueError: it could not be the operation's answer.
    """
    return _checked(value, operation.response_type, f"{operation.name} answers {operation.row.response}")


def check_item(operation: Operation, value: Any, place: int) -> Any:
    """Return an item of an operation's list as plain data.

    Raises:
        ValueError: it could not be one.
    """
    kind = (*get_args(operation.response_type), Any)[0]
    says = f"item {place} of the list that {operation.name} answers is of {operation.row.response}"
    return msgspec.json.decode(_checked(value, kind, says))


def check_event(operation: Operation, value: Any, place: int) -> Any:
    """Return an event of an operation's stream as plain data.

    Raises:
        ValueError: it could not be one.
    """
    says = f"event {place} of the stream of {operation.name} is {operation.row.stream}"
    return msgspec.json.decode(_checked(value, operation.stream_type, says))


def _checked(value: Any, kind: Any, says: str) -> bytes:
    text = _to_json(value, says)
    try:
        decoder(Any if kind in ANYTHING else kind).decode(text)
    except msgspec.ValidationError as error:
        hint = _hint(kind, str(error))
        raise ValueError(f"{says}, which {_called(value)} cannot be: {error}{hint}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{says}, and the bytes given are no JSON: {error}") from None
    return text


def _to_json(value: Any, says: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return msgspec.json.encode(plain(value), enc_hook=_dumped)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{says}, and {_called(value)} has no form in JSON: {error}") from None


def _dumped(value: Any) -> Any:
    """Return plain data for an object deep down, or for one of another library that can say itself (pydantic's)."""
    if isinstance(value, Object):
        return value.to_dict()
    dump = getattr(value, "model_dump", None)
    if not callable(dump):
        raise TypeError(f"{type(value).__name__} is no plain data")
    return dump(mode="json", exclude_unset=True)


def _called(value: Any) -> str:
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiouAEIOU" else f"a {kind}"


def _hint(kind: Any, problem: str) -> str:
    """Say what would be right, as far as the message of msgspec tells."""
    where = re.search(r"at `\$([^`]*)`", problem)
    names = sorted({name for each in _at(kind, where[1] if where else "") for name in object_fields(each) or ()})
    if unknown := re.search(r"unknown field `([^`]*)`", problem):
        right = nearest(unknown[1], names)
        return f"; did you mean `{right}`?" if right else f"; there are {', '.join(names)}"
    if "missing required field" in problem:
        return "; give it, or give fields as keywords, returns(name=value): what they leave out is made up"
    return ""


def _at(kind: Any, path: str) -> Iterator[Any]:
    """Yield the types that may stand at a place, `.choices[...].message`."""
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
