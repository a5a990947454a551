"""Functions of `openai._models` that make objects of plain data, and options of requests from `openai._base_client`."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, TypeGuard, TypeVar, Union, get_args, get_origin

from oai._json.decode import convert, decode
from oai._json.encode import encode
from oai._json.objects import Object
from oai._support.omit import omit

T = TypeVar("T")


def construct_type(*, value: object, type_: Any, metadata: list[Any] | None = None) -> Any:  # noqa: ARG001 - the SDK's
    """Make a value of a type of plain data, as a response is decoded: what does not fit stays as it is."""
    if isinstance(type_, type) and not issubclass(type_, Object) and hasattr(type_, "model_construct"):
        return type_.model_construct(**value) if isinstance(value, dict) else value
    try:
        return decode(type_, encode(value))
    except (TypeError, ValueError):  # a part is not JSON
        return convert(type_, value)


construct_type_unchecked = construct_type


def construct_field(value: Any, kind: Any) -> Any:
    """Make the value of a model's field of data that is not validated, as the official SDK's `construct` does.

    Lists and dicts are copied, what is plain data in them becomes objects, and objects stay the same ones.
    """
    if isinstance(value, list):
        item = _item_type(kind)
        return [construct_field(each, item) for each in value]
    if not isinstance(value, dict):
        return value
    try:
        return construct_type(value=value, type_=kind)
    except (TypeError, ValueError):  # such as a forward reference that does not resolve
        return {**value}


def _item_type(kind: Any) -> Any:
    """Return the type of the items of a list, also of one that is optional or annotated."""
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(kind) is list:
        return get_args(kind)[0]
    variants = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
    return next((_item_type(each) for each in variants if _item_type(each) is not Any), Any)


def validate_type(*, type_: Any, value: object) -> Any:
    """Make a value of a type of plain data; a type of pydantic validates it."""
    if hasattr(type_, "__pydantic_validator__"):
        from pydantic import TypeAdapter  # the type is one of pydantic's, so that it is loaded

        return TypeAdapter(type_).validate_python(value)
    return construct_type(value=value, type_=type_)


def build(base_model_cls: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Make an object from its fields."""
    if args:
        raise TypeError(f"build takes the fields by name, not {len(args)} positional arguments")
    value: T = construct_type(value=kwargs, type_=base_model_cls)
    return value


def is_basemodel(type_: Any) -> bool:
    """Return whether a type is one of the API's objects."""
    return isinstance(type_, type) and issubclass(type_, Object)


def is_basemodel_type(type_: Any) -> TypeGuard[type[Object]]:
    """Return whether a type is one of the API's objects."""
    return is_basemodel(type_)


def add_request_id(obj: Object, request_id: str | None) -> None:
    """Set the request id of an object."""
    obj.__dict__["_request_id"] = request_id


def make_request_options(
    *,
    query: Any = None,
    extra_headers: Any = None,
    extra_query: Any = None,
    extra_body: Any = None,
    idempotency_key: str | None = None,
    timeout: Any = omit,
    **_: object,
) -> dict[str, Any]:
    """Return the `options` of `client.post` and its kin."""
    headers = {**(extra_headers or {}), **({"Idempotency-Key": idempotency_key} if idempotency_key else {})}
    options = {"headers": headers, "params": {**(query or {}), **(extra_query or {})}, "extra_json": extra_body}
    return {
        **{name: value for name, value in options.items() if value},
        **({} if timeout is omit else {"timeout": timeout}),
    }
