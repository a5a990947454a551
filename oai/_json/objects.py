"""`Object`, the base of every struct that a response is decoded into.

An `Object` is a msgspec struct that forbids undeclared fields, so that the strict decode notices them. The lenient
decode (`_json.decode`) keeps them in the instance's `__dict__`, where they are attributes like all others. `_json.dump`
returns an object as plain data; `_json.model_methods` has the methods that pydantic's models have, too. This module
knows nothing of HTTP or of the table.
"""

# No `from __future__ import annotations` here: msgspec evaluates the annotations of a struct and of its bases
# for a type's first decoder, and evaluating them from text is seven times as slow.

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

import msgspec

from oai._json.dump import dump as plain
from oai._json.dump import plain_parsed
from oai._json.fields import shown_of
from oai._json.model_methods import ModelMethods

T = TypeVar("T")

__all__ = ["Object", "Tag", "plain", "plain_parsed"]

if TYPE_CHECKING:
    Tag = Annotated[T, "a field that the constructor accepts"]
else:
    Tag = ClassVar
"""The type of a tag: to msgspec an attribute of the class, to type checkers also an argument of its constructor."""


class Kind(msgspec.StructMeta):
    """The metaclass of `Object`: its constructor accepts the tag and undeclared fields as well, as data has them."""

    if not TYPE_CHECKING:  # type checkers would no longer check the fields of a constructor that they saw

        def __call__(cls, *args: Any, **fields: Any) -> Any:  # noqa: N805 - its instances are classes
            """Make an object.

            Raises:
                TypeError: a field is missing.
                ValueError: the tag is another one than the struct's.
            """
            config = cls.__struct_config__
            if config.tag_field in fields and (tag := fields.pop(config.tag_field)) != config.tag:
                raise ValueError(f"{config.tag_field} is {tag!r}; that of {cls.__name__} is {config.tag!r}")
            try:
                return super().__call__(*args, **fields)
            except TypeError:
                declared, extra = cls._split(fields)
                if declared == fields:
                    raise
            from oai._json.lenient import keep_unknown  # rarely needed

            instance = super().__call__(*args, **declared)
            keep_unknown(instance, extra)
            return instance

        def _split(cls, fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: N805 - as above
            """Return the declared fields, which may have their names in JSON, and the others."""
            names = dict(zip(cls.__struct_encode_fields__, cls.__struct_fields__, strict=True))
            names |= dict.fromkeys(cls.__struct_fields__)
            declared = {names[name] or name: value for name, value in fields.items() if name in names}
            return declared, {name: value for name, value in fields.items() if name not in names}

        @property
        def __doc__(cls) -> str | None:  # noqa: N805 - as above
            """The docstring of a class, with the meaning of its fields if it is one of `oai.types`."""
            own = vars(cls).get("__doc__")
            if not cls.__module__.startswith("oai.types."):
                return own
            from oai._support.docs import struct_doc  # which reads a file

            return struct_doc(cls.__mro__, cls.__struct_fields__, own)


class _PydanticSerializer:
    """The attribute by which pydantic serializes objects in fields whose type it does not know."""

    def __get__(self, instance: object, owner: Any) -> Any:
        from oai._json.pydantic_schema import serializer_of  # only pydantic asks for it

        return serializer_of(owner)


class Object(  # noqa: PLW1641 - a mutable object has no hash
    ModelMethods,
    msgspec.Struct,
    kw_only=True,
    dict=True,
    weakref=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    metaclass=Kind,
):
    """An object of the API: declared fields are typed, and undeclared fields are attributes as well."""

    _request_id: ClassVar[str | None] = None
    """The `x-request-id` of the response, if this object is the whole of it."""

    _untyped: ClassVar[Any]
    """The class of objects of unknown type. By its presence the codecs know the structs that hold undeclared fields."""

    _computed: ClassVar[tuple[str, ...]] = ()
    """Names of properties that `model_dump` includes, such as `parsed`: in the official SDK they are fields."""

    __pydantic_serializer__: ClassVar[Any] = _PydanticSerializer()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from oai._json.pydantic_schema import core_schema_of  # only pydantic calls this

        del handler
        return core_schema_of(cls, source)

    def _repr_html_(self) -> str:
        from oai._json.notebook import object_html  # only notebooks call this

        return object_html(self)

    def __eq__(self, other: object) -> bool:
        """Compare all data, undeclared fields included."""
        if type(other) is not type(self):
            return NotImplemented
        return msgspec.Struct.__eq__(self, other) and self.model_extra == other.model_extra

    def __copy__(self) -> Self:
        twin = type(self)(**{name: getattr(self, name) for name in self.__struct_fields__})
        twin.__dict__.update(self.__dict__)
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        kept = {name: value for name, value in self.__dict__.items() if name not in ("_more", "_page_query")}
        return _restore, (type(self), fields, kept)

    def __repr__(self) -> str:
        try:
            shown = ", ".join(f"{name}={value!r}" for name, value in shown_of(self))
        except RecursionError:
            shown = "..."
        return f"{type(self).__name__}({shown})"


def _restore(cls: type[Object], fields: dict[str, Any], kept: dict[str, Any]) -> Object:
    restored = cls(**fields)
    restored.__dict__.update(kept)
    return restored


Object._untyped = Object  # noqa: SLF001 - its own module
