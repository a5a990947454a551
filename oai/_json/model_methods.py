"""The methods and attributes of pydantic's models that programs use on the results of the official SDK.

pydantic is not imported. What differs: a dump never warns, and the `ValueError` of `model_validate` is pydantic's own
only in a program that has imported pydantic.
"""

# No `from __future__ import annotations` here, for the reason that `_json.objects` gives.

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import msgspec

from oai._json.dump import Selection, Style, dump, source_of
from oai._json.fields import extra_of, is_set, members_of, shown_of

Data = dict[str, Any]  # `ModelMethods` has a method of that name


class _ClassProperty:
    """An attribute that is computed from the class, on the class and on its instances."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self._compute(owner)


def _model_fields(cls: Any) -> Any:
    """Return the declared fields by name.

    Raises:
        AttributeError: the class is not a struct, such as a base class of one that `help` inspects.
    """
    if not hasattr(cls, "__struct_fields__"):
        raise AttributeError(f"{cls.__name__} has no fields")
    from oai._json.schema import model_fields  # few programs need it

    return model_fields(cls)


def _validated(cls: Any, text: bytes, source: object) -> Any:
    """Make an object from JSON text, which is that of what the program passed."""
    from oai._json.decode import parse_json  # which is built on this module
    from oai._json.pydantic_schema import validated, validation_error

    try:
        return validated(cls, parse_json(text))
    except ValueError as error:
        raise validation_error(cls, source, error) from None


class ModelMethods:
    """The methods that objects of the API share with pydantic's models."""

    __slots__ = ()

    _response: ClassVar[Any] = None
    """The response (status, headers, retries taken), if this object is the whole of it."""

    model_config: ClassVar[Any] = MappingProxyType({"extra": "allow"})
    """The part of a model's configuration that programs read: undeclared fields are kept."""

    model_fields = _ClassProperty(_model_fields)

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Selection = None,
        exclude: Selection = None,
        context: Any = None,  # noqa: ARG002 - for serializers, which there are none of
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        round_trip: bool = False,  # noqa: ARG002 - all of it is data that was read
        warnings: bool | str = True,  # noqa: ARG002 - there is nothing to warn of
        fallback: Callable[[Any], Any] | None = None,  # noqa: ARG002 - all values have a form
        serialize_as_any: bool = False,  # noqa: ARG002 - they are, always
    ) -> Data:
        """Return this as plain data in the way of pydantic: every declared field, those that are `None` as well.

        Args:
            mode: `json` to dump parsed values for JSON; all other data is JSON in either mode.
            include: names of the fields to return, all by default. A mapping selects within values:
                `{"choices": {0: {"message"}}}`; the key `__all__` is for every item of a list.
            exclude: names of the fields to leave out, in the same form.
            context: without effect.
            by_alias: use the server's names. Without it, fields whose name in Python differs have both names.
            exclude_unset: leave out fields that the server did not send.
            exclude_defaults: leave out fields that are equal to their default.
            exclude_none: leave out fields that are `None`.
            round_trip: without effect.
            warnings: without effect.
            fallback: without effect.
            serialize_as_any: without effect.

        Raises:
            TypeError: `include` or `exclude` is not a selection.
            ValueError: the data is nested too deeply.
        """
        style = Style(bool(by_alias), exclude_unset, exclude_defaults, exclude_none, True, mode)
        return self._dump(style, include, exclude)

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return `model_dump()` as JSON text, on one line unless `indent` (spaces) is set; takes the same options."""
        return self._text(self.model_dump(**{"mode": "json", **options}), indent)

    def to_dict(
        self,
        *,
        mode: str = "python",
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool | str = True,  # noqa: ARG002 - there is nothing to warn of
    ) -> Data:
        """Return what the server sent as plain data, under the names it used.

        Args:
            mode: without effect.
            use_api_names: use the server's names instead of Python's.
            exclude_unset: leave out fields that the server did not send.
            exclude_defaults: leave out fields that are equal to their default.
            exclude_none: leave out fields that are `None`.
            warnings: without effect.

        Raises:
            ValueError: the data is nested too deeply.
        """
        return self._dump(Style(use_api_names, exclude_unset, exclude_defaults, exclude_none, False, mode))

    def to_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return `to_dict()` as JSON text, on one line unless `indent` (spaces) is set; it takes the same options."""
        return self._text(self.to_dict(**options), indent)

    def _dump(self, style: Style, include: Selection = None, exclude: Selection = None) -> Data:
        try:
            if style.exclude_unset and b"null" not in getattr(self._response, "content", b"null"):
                # Without a null in the response there is nothing to find by parsing it again.
                style = msgspec.structs.replace(style, exclude_none=True)
                data: Data = dump(self, style, None, include, exclude)
            else:
                data = dump(self, style, source_of(self), include, exclude)
        except RecursionError:
            raise ValueError(f"this {type(self).__name__} is nested too deeply to be dumped") from None
        return data

    @staticmethod
    def _text(data: Any, indent: int | None) -> str:
        try:
            text = msgspec.json.encode(data)
            return (text if indent is None else msgspec.json.format(text, indent=indent)).decode()
        except RecursionError:
            raise ValueError("the data is nested too deeply to be written as JSON") from None

    def dict(self, **options: Any) -> Data:
        """Return `model_dump()`; its name in pydantic 1."""
        return self.model_dump(**options)

    def json(self, **options: Any) -> str:
        """Return `model_dump_json()`; its name in pydantic 1."""
        return self.model_dump_json(**options)

    def copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return `model_copy()`; its name in pydantic 1."""
        return self.model_copy(update=update, deep=deep)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with some fields replaced."""
        from copy import copy, deepcopy  # few programs do

        twin = deepcopy(self) if deep else copy(self)
        for name, value in (update or {}).items():
            setattr(twin, name, value)
        return twin

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Make an object from plain data that fits its type; undeclared fields are kept.

        Raises:
            TypeError: the data cannot be encoded as JSON.
            ValueError: the data is not a mapping or does not fit; the message names the place. It is pydantic's
                `ValidationError` if the program uses pydantic.
        """
        from oai._json.encode import encode  # which is built on this module

        instance: Self = _validated(cls, encode(obj), obj)
        return instance

    @classmethod
    def model_validate_json(cls, json_data: str | bytes) -> Self:
        """Make an object from JSON text that fits its type; undeclared fields are kept.

        Raises:
            ValueError: the text is not a JSON object, or does not fit; as that of `model_validate`.
        """
        instance: Self = _validated(cls, json_data.encode() if isinstance(json_data, str) else json_data, json_data)
        return instance

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """Make an object from its fields without validation, undeclared fields and the tag included."""
        from oai._json.decode import decode  # as above
        from oai._json.encode import encode

        instance: Self = decode(cls, encode(values))
        return instance

    construct = model_construct

    @classmethod
    def model_json_schema(cls) -> Data:
        """Return the JSON schema of the type; undeclared properties are allowed in it."""
        from oai._json.schema import json_schema  # few programs do

        return json_schema(cls)

    @property
    def model_extra(self) -> Data:
        """The undeclared fields, by the server's names."""
        return extra_of(self)

    @property
    def model_fields_set(self) -> set[str]:
        """The names of the fields that the server sent or the program set."""
        source = source_of(self)
        return {name for name, wire, default, item in members_of(self) if is_set(self, wire, item, default, source)}

    def __iter__(self) -> Iterator[Any]:
        """Yield name and value of each field, as `dict(result)` needs it."""
        for name, _, _, value in members_of(self):
            yield name, value

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(shown_of(self))
