"""Models of pydantic that stand in for the API's types as base classes, for programs that run under `oai.as_openai`.

Packages derive from the official SDK's types as from pydantic's models: they write constructors, validators and
`model_config`. msgspec's structs know nothing of these. So a class that a program derives from a struct becomes a model
instead, derived from the struct's twin: a model with the same fields, made when it is first needed. An object that a
program makes by calling a struct is a model, too: `ChatCompletionMessage(role="assistant", own="field")`. Instances of
models count as instances of the struct, and results, which remain structs, as instances of `pydantic.BaseModel`.

Only `as_openai` calls `install`; no other program pays for it.
"""

from __future__ import annotations

import builtins
import sys
from importlib.util import find_spec
from typing import Any, ClassVar, Final, Literal

import msgspec

from oai._json.objects import Kind, Object
from oai._official.models import construct_field

OWN: Final = ("oai.", "msgspec.")
"""The modules whose structs remain structs."""

ATTRIBUTES: Final[dict[str, Any]] = {
    "__private_attributes__": {},
    "__pydantic_generic_metadata__": {"origin": None, "args": (), "parameters": ()},
    "__pydantic_private__": None,
    "__pydantic_extra__": property(lambda self: self.model_extra),
    "__pydantic_fields_set__": property(lambda self: self.model_fields_set),
    "__setattr__": object.__setattr__,  # programs call it to bypass a model's own; msgspec's raises
}
"""Attributes of every model that programs use on results, which count as models."""

_twins: dict[type, Any] = {}
_build_class: Final = builtins.__build_class__
_make: Final = Kind.__call__


def install() -> None:
    """Make classes that are derived from structs, and objects that programs make, models of pydantic."""
    if find_spec("pydantic") is None:
        return
    builtins.__build_class__ = _build  # for bases of both kinds, whose metaclasses would be in conflict
    for name, value in ATTRIBUTES.items():
        type.__setattr__(Object, name, value)
    type.__setattr__(Kind, "__call__", _call)
    type.__setattr__(Kind, "__new__", _new)
    type.__setattr__(Kind, "__instancecheck__", _is_instance)
    type.__setattr__(Kind, "__subclasscheck__", _is_subclass)


def uninstall() -> None:
    """Undo `install`; classes that were made stay."""
    if builtins.__build_class__ is _build:
        builtins.__build_class__ = _build_class
        for name in ATTRIBUTES:
            type.__delattr__(Object, name)
        type.__setattr__(Kind, "__call__", _make)
        for name in ("__new__", "__instancecheck__", "__subclasscheck__"):
            type.__delattr__(Kind, name)


def patch_pydantic(module: Any) -> None:
    """Let results count as instances of `BaseModel`.

    Args:
        module: `pydantic.main`, whose metaclass of models supports no virtual subclasses.
    """
    base = module.BaseModel

    def is_instance(cls: type, instance: object) -> bool:
        return type.__instancecheck__(cls, instance) or (
            (cls is base or cls is _twins.get(Object)) and isinstance(type(instance), Kind)
        )

    type.__setattr__(type(base), "__instancecheck__", is_instance)


def _build(function: Any, name: str, /, *bases: Any, **options: Any) -> Any:
    """Run a class statement with the twins of structs as bases."""
    if any(isinstance(base, Kind) for base in bases) and not f"{function.__globals__.get('__name__')}.".startswith(OWN):
        bases = tuple(twin_of(base) if isinstance(base, Kind) else base for base in bases)
    return _build_class(function, name, *bases, **options)


# pydantic looks up the names of annotations in the frame of the class statement, and passes by frames of this name.
_build.__code__ = _build.__code__.replace(co_name="<generic parameters of a class>")


def as_struct(value: Any) -> Any:
    """Return the struct of the same data if a value is the model of one."""
    structs = getattr(type(value), "__structs__", None)
    return structs[0].model_construct(**value.to_dict()) if structs else value


def _call(cls: Any, *args: Any, **fields: Any) -> Any:
    if f"{sys._getframe(1).f_globals.get('__name__')}.".startswith(OWN):  # noqa: SLF001 - who makes it
        return _make(cls, *args, **fields)
    return twin_of(cls)(*args, **fields)


def _new(cls: Any, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
    module = f"{namespace.get('__module__', '')}."
    if module.startswith(OWN) or not any(isinstance(base, Kind) for base in bases):
        return msgspec.StructMeta.__new__(cls, name, bases, namespace, **options)
    import pydantic

    twins = tuple(twin_of(base) if isinstance(base, Kind) else base for base in bases)
    metaclass: Any = type(pydantic.BaseModel)
    return metaclass(name, twins, namespace, **options)


def _is_instance(cls: type, instance: object) -> bool:
    return type.__instancecheck__(cls, instance) or (
        cls is not Object and cls in getattr(type(instance), "__structs__", ())
    )


def _is_subclass(cls: type, other: type) -> bool:
    return type.__subclasscheck__(cls, other) or cls in getattr(other, "__structs__", ())


def twin_of(struct: type) -> Any:
    """Return the model that stands in for a struct."""
    if struct not in _twins:
        _twins[struct] = _base() if struct is Object else _twin(struct)
    return _twins[struct]


def _twin(struct: Any) -> Any:
    annotations: dict[str, Any] = {}
    names: dict[str, Any] = {"__module__": struct.__module__, "__doc__": struct.__doc__, "__annotations__": annotations}
    for base in reversed(struct.__mro__):
        if isinstance(base, Kind) and base is not Object:
            names |= {name: value for name, value in vars(base).items() if isinstance(value, property)}
    config = struct.__struct_config__
    if config.tag_field is not None:
        annotations[config.tag_field] = Literal[config.tag]
        names[config.tag_field] = config.tag
    for field in msgspec.structs.fields(struct):
        annotations[field.name] = field.type
        if field.encode_name != field.name or not field.required:
            names[field.name] = _default(field)
    names["__structs__"] = tuple(each for each in struct.__mro__ if isinstance(each, Kind))
    base = twin_of(Object)
    return type(base)(struct.__name__, (base,), names)


def _default(field: Any) -> Any:
    from pydantic import Field

    default = ... if field.required else None if field.default is msgspec.NODEFAULT else field.default
    return Field(default, alias=field.encode_name) if field.encode_name != field.name else default


def _base() -> Any:
    """Make the twin of `Object` itself, which is the official SDK's `BaseModel`."""
    from pydantic import BaseModel, ConfigDict

    class Model(BaseModel):  # noqa: PLW1641 - models are mutable and have no hash
        """A model with the methods of the API's objects."""

        model_config = ConfigDict(extra="allow", defer_build=True, protected_namespaces=())
        __structs__: ClassVar[tuple[type, ...]] = (Object,)

        _request_id: str | None = None

        @classmethod
        def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Any:
            """Make a model of data that is not validated; what is plain data in its fields becomes objects."""
            kinds = {name: field.annotation for name, field in cls.model_fields.items()}
            kinds |= {field.alias: field.annotation for field in cls.model_fields.values() if field.alias}
            fields = {name: construct_field(value, kinds[name]) for name, value in values.items() if name in kinds}
            return super().model_construct(_fields_set, **(values | fields))

        construct = model_construct

        def __eq__(self, other: object) -> bool:
            """Compare with a result by its data; with other models as pydantic does."""
            if isinstance(other, Object):
                return isinstance(self, type(other)) and self.model_dump() == other.model_dump()
            return super().__eq__(other)

        def to_dict(
            self,
            *,
            mode: Literal["json", "python"] = "python",
            use_api_names: bool = True,
            exclude_unset: bool = True,
            **options: Any,
        ) -> dict[str, Any]:
            """Return the fields that were set, as plain data."""
            return self.model_dump(mode=mode, by_alias=use_api_names, exclude_unset=exclude_unset, **options)

        def to_json(
            self, *, indent: int | None = 2, use_api_names: bool = True, exclude_unset: bool = True, **options: Any
        ) -> str:
            """Return the fields that were set, as JSON text."""
            return self.model_dump_json(indent=indent, by_alias=use_api_names, exclude_unset=exclude_unset, **options)

    Model.__name__ = Model.__qualname__ = "BaseModel"
    return Model
