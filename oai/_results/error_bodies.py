"""Recognize error bodies under a success status, and JSON of the wrong kind.

Compatible servers and gateways send errors with status 200, above all within streams. Only bodies that do not match
their declared type exactly are looked at, so that a result of the usual shape costs nothing.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from oai._errors import STATUS_ERRORS, APIStatusError, InternalServerError
from oai._json.decode import parse_json
from oai._json.error_body import read_error
from oai._json.unions import untagged_variants

if TYPE_CHECKING:
    from oai._http.response import Response

STRONG: Final = frozenset(
    {
        *("error_code", "error_msg", "error_message", "error_type", "error_description", "errorCode", "errorMessage"),
        *("errmsg", "errcode", "err_msg", "err_code", "base_resp", "fault"),
    }
)
"""Fields that only errors have."""

WEAK: Final = frozenset({"detail", "details", "message", "msg", "errors"})
"""Fields of errors (FastAPI's `detail` above all) that results have as well: they count where nothing else is there."""

ACCOMPANYING: Final = frozenset(
    {
        *("error", "code", "status", "status_code", "statusCode", "type", "param", "object", "title", "instance"),
        *("request_id", "requestId", "user_id", "success", "ok", "timestamp", "path", "id"),
    }
)
"""Fields that errors have in addition to their message."""

STATUS_FIELDS: Final = ("status", "status_code", "statusCode", "code", "error_code")
"""Fields that may hold an HTTP status."""

NO_ERRORS: Final = frozenset({"", "none", "null", "false", "ok", "success", "0"})
"""Texts in `error` that report none."""

MAX_TYPES: Final = 256
"""Types whose description is kept: programs may define types without end."""

LARGEST: Final = 1 << 16
"""Bytes of a binary or text body that may be an error; larger ones are content."""


class _Shape(NamedTuple):
    """The fields of a struct."""

    declared: frozenset[str]
    payload: frozenset[str]
    """The required lists, which carry the result of most types; without one, all required fields but constants."""

    lists: bool
    constant: str | None
    """The value of `object`."""

    tag: str | None = None
    """The field whose value tells the variants of a union apart."""


def is_error(value: Any, kind: Any) -> bool:
    """Return whether a body that does not match `kind` exactly is an error rather than a result."""
    if isinstance(value, list) and len(value) == 1 and "a list" not in (accepted_kinds(kind) or "a list"):
        value = value[0]  # Google's gateways
    if not isinstance(value, dict):
        return False
    shapes = _shapes(kind)
    if value.get("object") == "error":
        return True
    if _reports_error(value.get("error")):
        return _is_error_alone(value) if not shapes else not any(_is_failed_result(value, shape) for shape in shapes)
    if shapes and not any(shape.tag is None or shape.tag in value for shape in shapes):
        return any(_is_hint(name, item) for name, item in value.items())  # of no variant of a union
    declared: frozenset[str] = frozenset().union(*(shape.declared for shape in shapes))
    hints = {name for name in value.keys() - declared if _is_hint(name, value[name])}
    empty = not hints & STRONG  # an empty list may be a result in addition to a message, but not to an error code
    return bool(shapes and hints) and not any(_has_payload(value, shape, empty=empty) for shape in shapes)


def is_error_text(content: bytes, *, is_json: bool) -> bool:
    """Return whether the body of a binary or text result is an error object, and nothing but that."""
    if len(content) > LARGEST or not content.lstrip().startswith(b"{"):
        return False
    try:
        value = parse_json(content)
    except msgspec.DecodeError:
        return False
    if not isinstance(value, dict) or not _is_error_alone(value):
        return False
    certain = value.get("object") == "error" or isinstance(value.get("error"), dict)
    return certain or (is_json and any(_reports_error(value.get(name)) for name in WEAK | STRONG | {"error"}))


def success_error(name: str, response: Response) -> APIStatusError:
    """Return the error that a response with a success status reports, of the class of the status in its body if any."""
    message, body = read_error(response.utf8, response.excerpt)
    text = f"{name}: the server responded with status {response.status_code} and an error: {message}"
    return _class_of(response.utf8, body)(text, response=response, body=body)


def json_kind(value: Any) -> str:
    """Name the JSON kind of a value, for messages."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


KINDS: Final[dict[type, frozenset[str]]] = {
    type(None): frozenset({"null"}),
    bool: frozenset({"true", "false"}),  # before `int`, of which it is a subclass
    int: frozenset({"a number"}),
    float: frozenset({"a number"}),
    str: frozenset({"a string"}),
    **dict.fromkeys((list, tuple, set, frozenset), frozenset({"a list"})),
    **dict.fromkeys((dict, msgspec.Struct), frozenset({"an object"})),
}
"""The JSON kinds that types are decoded from."""


@lru_cache(MAX_TYPES)
def accepted_kinds(kind: Any) -> frozenset[str] | None:
    """Return the JSON kinds that a type can be decoded from, `None` for all."""
    if variants := _variants(kind):
        kinds = [accepted_kinds(variant) for variant in variants]
        return None if None in kinds else frozenset().union(*filter(None, kinds))
    origin = type(None) if kind is None else get_origin(kind) or kind
    if origin is Literal:
        return frozenset(json_kind(value) for value in get_args(kind))
    if not isinstance(origin, type):
        return None
    if dataclasses.is_dataclass(origin):
        return KINDS[dict]
    return next((KINDS[base] for base in KINDS if issubclass(origin, base)), None)


def _reports_error(error: Any) -> bool:
    if isinstance(error, dict):
        return any(error.values())
    return bool(error) and not (isinstance(error, str) and error.strip().lower() in NO_ERRORS)


def _is_hint(name: str, value: Any) -> bool:
    if name in STRONG | WEAK:
        return _reports_error(value)
    return name in STATUS_FIELDS and isinstance(value, int) and 400 <= value < 600


def _is_error_alone(value: dict[str, Any]) -> bool:
    return value.keys() <= ACCOMPANYING | STRONG | WEAK


def _is_failed_result(value: dict[str, Any], shape: _Shape) -> bool:
    """Return whether an object with an `error` is a result that declares it, such as a failed `Response`."""
    if "error" not in shape.declared:
        return False
    named = isinstance(value.get("id"), str) and isinstance(value.get("status"), str)
    is_constant = shape.constant is not None and value.get("object") == shape.constant
    return named or is_constant or _has_payload(value, shape, empty=True)


def _has_payload(value: dict[str, Any], shape: _Shape, *, empty: bool) -> bool:
    """Return whether the fields are there that carry the result; `empty` lists count as such."""
    items = (value.get(name) for name in shape.payload)
    return any(bool(item) or (item is not None and (empty or not shape.lists)) for item in items)


def _variants(kind: Any) -> tuple[Any, ...]:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return get_args(kind)
    return get_args(kind)[:1] if origin is Annotated else untagged_variants(kind)


@lru_cache(MAX_TYPES)
def _shapes(kind: Any) -> tuple[_Shape, ...]:
    """Return the shapes of the structs of a type; none for types that take any object."""
    if variants := _variants(kind):
        return tuple(shape for variant in variants for shape in _shapes(variant))
    cls = get_origin(kind) or kind
    if isinstance(cls, type) and issubclass(cls, msgspec.Struct):
        return _struct_shape(kind, cls)
    if hasattr(cls, "model_fields"):
        names = frozenset(field.alias or name for name, field in cls.model_fields.items())
    elif dataclasses.is_dataclass(cls):
        names = frozenset(field.name for field in dataclasses.fields(cls))
    else:
        return ()
    return (_Shape(names, names, lists=False, constant=None),)


def _struct_shape(kind: Any, cls: type[msgspec.Struct]) -> tuple[_Shape, ...]:
    fields = msgspec.structs.fields(kind)
    declared = {field.encode_name for field in fields}
    if cls.__struct_config__.tag_field is not None:
        declared.add(cls.__struct_config__.tag_field)
    if not declared:
        return ()
    lists = frozenset(field.encode_name for field in fields if field.required and get_origin(field.type) is list)
    required = frozenset(field.encode_name for field in fields if field.required) - {"object", "type", "error"}
    constants = [get_args(field.type)[0] for field in fields if field.name == "object" and get_args(field.type)]
    constant = next((value for value in constants if isinstance(value, str)), None)
    return (_Shape(frozenset(declared), lists or required, bool(lists), constant, cls.__struct_config__.tag_field),)


def _class_of(content: bytes, body: object) -> type[APIStatusError]:
    """Return the exception class of the HTTP status that an error body names, else the base class."""
    outer = parse_json(content)
    for source in (body, outer):
        fields = source if isinstance(source, dict) else {}
        for name in STATUS_FIELDS:
            text = str(fields.get(name))
            if text.isdecimal() and 400 <= int(text[:4]) < 600:
                status = int(text)
                return STATUS_ERRORS.get(status, InternalServerError if status >= 500 else APIStatusError)
    return APIStatusError
