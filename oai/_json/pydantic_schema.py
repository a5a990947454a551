"""Objects of the API as pydantic sees them: validation, serialization and JSON schema of a struct.

pydantic calls `Object.__get_pydantic_core_schema__` where a struct is a field of a model, the argument of a
`TypeAdapter` or a response of a web framework. Only then is this module imported, and pydantic is there already.

Validation is msgspec's: a dict becomes the struct, unknown fields are kept, and a field that does not fit its type is a
validation error. Serialization is `model_dump`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec.structs import fields as struct_fields

from oai._json.strict import convert_strict
from oai._json.unions import untagged_variants

PLAIN: Final = {str: "str", int: "int", float: "float", bool: "bool", NoneType: "none", dict: "dict"}
"""The core schemas of types without arguments."""

PLACE: Final = re.compile(r"\.([^.\[\]`]+)|\[([^\]]*)\]")
"""A step of the place that msgspec's messages name: `$.choices[0].index`, or `[...]` for any item."""

_serializers: dict[type, Any] = {}


def core_schema_of(cls: type[Any], source: Any) -> Any:
    """Return the core schema of a struct.

    Args:
        cls: its class.
        source: the class, or an alias of it with type arguments such as `CursorPage[Model]`.
    """
    from pydantic_core import core_schema

    def validate(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if hasattr(
            type(value), "model_dump"
        ):  # of another class; the official SDK derives some of its types from others
            validated(source, value.model_dump(exclude_unset=True))
            return value
        return validated(source, value)

    return core_schema.no_info_plain_validator_function(
        validate,
        serialization=core_schema.plain_serializer_function_ser_schema(serialized, info_arg=True),
        metadata={"pydantic_js_functions": [lambda _, handler: json_schema_of(source, handler)]},
    )


def serializer_of(cls: type[Any]) -> Any:
    """Return the serializer that pydantic uses for an object where it knows no type, as in a field that is `Any`."""
    if cls not in _serializers:
        from pydantic_core import SchemaSerializer

        _serializers[cls] = SchemaSerializer(core_schema_of(cls, cls))
    return _serializers[cls]


def validated(kind: Any, value: Any) -> Any:
    """Convert plain data to a struct, keeping unknown fields.

    Raises:
        ValueError: the data is not a mapping, or a field is missing or of another type than is declared.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{name_of(kind)} must be a mapping, not {type(value).__name__}")  # noqa: TRY004 - pydantic's
    try:
        return convert_strict(kind, value)
    except msgspec.ValidationError:
        from oai._json.lenient import build

        built = build(kind, dict(value))
        try:
            convert_strict(kind, _declared(value, built))
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        return built


def validation_error(kind: Any, value: Any, error: ValueError) -> ValueError:
    """Return the error of data that does not fit: pydantic's if the program has imported pydantic, else the same.

    Programs written for the official SDK catch `pydantic.ValidationError`, which is a `ValueError`, too.

    Args:
        kind: the type.
        value: the data.
        error: the exception of the decoder.
    """
    if "pydantic" not in sys.modules:
        return error
    from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

    place = str(error).partition(" - at `$")[2]
    location = tuple(int(index) if index.isdecimal() else name or index for name, index in PLACE.findall(place))
    kind_of_error = PydanticCustomError("value_error", "{error}", {"error": str(error)})
    details = InitErrorDetails(type=kind_of_error, loc=location, input=value)
    return ValidationError.from_exception_data(kind.__name__, [details])


def _declared(value: Any, built: Any) -> Any:
    """Return plain data without the fields that are unknown to the structs which were made of it."""
    if isinstance(value, Mapping) and hasattr(built, "__struct_fields__"):
        wire = dict(zip(built.__struct_encode_fields__, built.__struct_fields__, strict=True))
        tag = built.__struct_config__.tag_field
        return {
            name: _declared(field, getattr(built, wire[name]) if name in wire else None)
            for name, field in value.items()
            if name in wire or name == tag
        }
    if isinstance(value, Mapping) and isinstance(built, dict):
        return {name: _declared(field, built.get(name)) for name, field in value.items()}
    if isinstance(value, list) and isinstance(built, list) and len(value) == len(built):
        return [_declared(*pair) for pair in zip(value, built, strict=True)]
    return value


def serialized(value: Any, info: Any) -> Any:
    """Return an object as plain data, by the options of pydantic's `model_dump`."""
    dump = getattr(value, "model_dump", None)
    if dump is None:
        return value  # what a server sent in place of the object
    return dump(
        mode=info.mode,
        include=info.include,
        exclude=info.exclude,
        by_alias=bool(info.by_alias),
        exclude_unset=info.exclude_unset,
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
    )


def json_schema_of(kind: Any, handler: Any) -> Any:
    """Return the JSON schema of a struct, by pydantic's own generator, which names and places the definitions."""
    from pydantic_core import core_schema

    definitions: dict[str, Any] = {}
    root = _node(kind, definitions)
    return handler(core_schema.definitions_schema(root, list(definitions.values())))


def _node(kind: Any, definitions: dict[str, Any]) -> Any:
    """Return a core schema that describes a type, for its JSON schema alone."""
    from pydantic_core import core_schema

    origin, arguments = get_origin(kind), get_args(kind)
    if hasattr(origin or kind, "__struct_fields__"):
        return _reference(kind, definitions)
    variants = untagged_variants(kind) or (arguments if origin in (Union, UnionType) else ())
    if variants:
        return core_schema.union_schema([_node(variant, definitions) for variant in variants])
    if origin in (list, tuple, Sequence, Iterable):
        return core_schema.list_schema(_node(arguments[0], definitions))
    if origin is dict:
        return core_schema.dict_schema(core_schema.str_schema(), _node(arguments[1], definitions))
    if origin is Literal:
        return core_schema.literal_schema(list(arguments))
    return {"type": PLAIN.get(kind, "any")}


def _reference(kind: Any, definitions: dict[str, Any]) -> Any:
    """Return a reference to the definition of a struct, which is added once."""
    from pydantic_core import core_schema

    cls = get_origin(kind) or kind
    name = name_of(kind)
    ref = f"{cls.__module__}.{name}:{id(cls)}"
    if ref not in definitions:
        definitions[ref] = {}  # for what refers to itself
        config = cls.__struct_config__
        members = {}
        if config.tag_field is not None:
            members[config.tag_field] = core_schema.typed_dict_field(core_schema.literal_schema([config.tag]))
        for field in struct_fields(kind):
            members[field.encode_name] = core_schema.typed_dict_field(
                _node(field.type, definitions), required=field.required
            )
        definitions[ref] = core_schema.typed_dict_schema(
            members, cls_name=name, ref=ref, extra_behavior="allow", metadata={"pydantic_js_updates": {"title": name}}
        )
    return core_schema.definition_reference_schema(ref)


def name_of(kind: Any) -> str:
    """Return the name of a struct, with those of its type arguments."""
    cls = get_origin(kind) or kind
    return "_".join([cls.__name__, *(getattr(argument, "__name__", "Any") for argument in get_args(kind))])
