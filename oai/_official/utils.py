"""Functions of `openai._utils` that other packages call."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeGuard, TypeVar, get_origin

from oai._support.omit import Omit
from oai._support.plain_data import is_object

T = TypeVar("T")
P = ParamSpec("P")

is_dict = is_object


def is_given(obj: T | Omit) -> TypeGuard[T]:
    """Return whether a parameter was passed."""
    return not isinstance(obj, Omit)


def is_mapping(obj: object) -> TypeGuard[Mapping[str, object]]:
    """Return whether a value is a mapping."""
    return isinstance(obj, Mapping)


def is_sequence(obj: object) -> TypeGuard[Sequence[object]]:
    """Return whether a value is a sequence."""
    return isinstance(obj, Sequence)


def is_iterable(obj: object) -> TypeGuard[Iterable[object]]:
    """Return whether a value is iterable."""
    return isinstance(obj, Iterable)


def is_tuple(obj: object) -> TypeGuard[tuple[object, ...]]:
    """Return whether a value is a tuple."""
    return isinstance(obj, tuple)


def strip_not_given(obj: Any) -> Any:
    """Return a mapping without the parameters that were not passed."""
    return {name: value for name, value in obj.items() if is_given(value)} if isinstance(obj, Mapping) else obj


def maybe_transform(data: Any, expected_type: object) -> Any:  # noqa: ARG001 - parameters have the API's names already
    """Return parameters as they are sent."""
    return strip_not_given(data)


transform = maybe_transform


async def async_maybe_transform(data: Any, expected_type: object) -> Any:
    """Return parameters as they are sent."""
    return maybe_transform(data, expected_type)


async_transform = async_maybe_transform


def flatten(t: Iterable[Iterable[T]]) -> list[T]:
    """Return the items of all iterables."""
    return [item for items in t for item in items]


def required_args(*variants: Sequence[str]) -> Callable[[T], T]:
    """Decorate a function whose arguments must be one of some sets of names; Python's own signature checks them."""
    del variants
    return lambda function: function


def file_from_path(path: str) -> tuple[str, bytes]:
    """Return the name and the content of a file, for an upload."""
    with open(path, "rb") as file:
        return os.path.basename(path), file.read()


def coerce_boolean(val: str) -> bool:
    """Read the text of a boolean option."""
    return val in ("true", "1", "on")


coerce_integer = int
coerce_float = float


def get_required_header(headers: Any, header: str) -> str:
    """Return the value of a header.

    Raises:
        ValueError: the header is missing.
    """
    lower = header.lower()
    for name, value in headers.items():
        if name.lower() == lower and isinstance(value, str):
            return value
    raise ValueError(f"Could not find {header} header")


def function_has_argument(func: Callable[..., Any], arg_name: str) -> bool:
    """Return whether a function has a parameter of this name."""
    from inspect import signature  # a large module, which few programs need

    return arg_name in signature(func).parameters


def asyncify(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Return a function that runs a blocking one in a thread."""

    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        from oai._support.async_library import to_thread

        return await to_thread(function, *args, **kwargs)

    return wrapper


def consume_sync_iterator(iterator: Iterable[Any]) -> None:
    """Read an iterator to its end."""
    for _ in iterator:
        pass


async def consume_async_iterator(iterator: AsyncIterable[Any]) -> None:
    """Read an async iterator to its end."""
    async for _ in iterator:
        pass


def is_typeddict(tp: type[Any]) -> bool:
    """Return whether a type is a `TypedDict`."""
    return isinstance(tp, type) and issubclass(tp, dict) and hasattr(tp, "__total__")


def is_list_type(typ: type) -> bool:
    """Return whether a type is `list` or a list of something."""
    return (get_origin(typ) or typ) is list


def removeprefix(string: str, prefix: str) -> str:
    """Return text without a prefix."""
    return string.removeprefix(prefix)


def removesuffix(string: str, suffix: str) -> str:
    """Return text without a suffix."""
    return string.removesuffix(suffix)


def to_raw_response_wrapper(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method of `with_raw_response` for a method of a resource."""
    return _of_view(func, "with_raw_response")


def to_streamed_response_wrapper(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method of `with_streaming_response` for a method of a resource."""
    return _of_view(func, "with_streaming_response")


async_to_raw_response_wrapper = to_raw_response_wrapper
async_to_streamed_response_wrapper = to_streamed_response_wrapper


def _of_view(func: Any, view: str) -> Callable[..., Any]:
    method: Callable[..., Any] = getattr(getattr(func.__self__, view), func.__name__)
    return method
