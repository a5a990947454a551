"""The base of every struct that an answer is decoded into.

An `Object` is a msgspec struct that forbids unknown fields, so that the strict decode notices them; the
lenient decode (`_json.decode`) keeps them in the instance's `__dict__`, where they read as attributes. This
module knows how to give an object back as plain data. It knows nothing of HTTP or of the table.
"""

# No `from __future__ import annotations` here: msgspec evaluates the annotations of a struct and of its bases
# for a type's first decoder, and evaluating them from text is seven times as slow.

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from oai._json.unions import RESERVED, SHADOWED


class Kind(msgspec.StructMeta):
    """The type of the structs below: what tells a struct's type may be given to make one, as it is part of the data."""

    if not TYPE_CHECKING:  # a checker that saw it would ask no more which fields an object is made of

        def __call__(cls, *args: Any, **fields: Any) -> Any:  # noqa: N805 - its instances are classes
            """Make an object.

            Raises:
                TypeError: there is no field of a name, or one is missing.
                ValueError: the field that tells the type apart says another one.
            """
            config = cls.__struct_config__
            if config.tag_field in fields and (said := fields.pop(config.tag_field)) != config.tag:
                raise ValueError(f"{config.tag_field} is {said!r}; that of {cls.__name__} is {config.tag!r}")
            return super().__call__(*args, **fields)


class _PydanticSerializer:
    """The attribute by which pydantic serializes objects in fields whose type it does not know."""

    def __get__(self, instance: object, owner: Any) -> Any:
        from oai._json.pydantic_schema import serializer_of  # only pydantic asks for it

        return serializer_of(owner)


class Object(  # noqa: PLW1641 - what can change has no hash
    msgspec.Struct, kw_only=True, dict=True, forbid_unknown_fields=True, omit_defaults=True, metaclass=Kind
):
    """An object of the API: declared fields are typed, fields that nobody declared are attributes too."""

    _request_id: ClassVar[str | None] = None
    """The server's `x-request-id` of the answer that this object is the root of, else `None`."""

    _response: ClassVar[Any] = None
    """The answer itself where this object is its root: status, headers, retries taken."""

    _computed: ClassVar[tuple[str, ...]] = ()
    """Names of properties that `model_dump` includes, such as `parsed`: in the official SDK they are fields."""

    _untyped: ClassVar[Any]
    """The class of objects of no known type. The codecs know by it which structs hold unknown fields."""

    def to_dict(
        self,
        *,
        mode: str = "python",  # noqa: ARG002 - these are how the official SDK's is called, whose effect is always had
        use_api_names: bool = True,  # noqa: ARG002
        exclude_unset: bool = True,  # noqa: ARG002
        exclude_defaults: bool = True,  # noqa: ARG002
        exclude_none: bool = True,  # noqa: ARG002
        warnings: bool | str = True,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return what the server sent as plain data, under the names it used; `None` values are left out."""
        return {name: plain(value) for name, value in self._items() if value is not None}

    def to_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return `to_dict()` as JSON text, on one line unless `indent` (spaces) is given; it takes its options."""
        data = msgspec.json.encode(self.to_dict(**options))
        return (data if indent is None else msgspec.json.format(data, indent=indent)).decode()

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        round_trip: bool = False,  # noqa: ARG002 - all of it is data that was read
        warnings: bool | str = True,  # noqa: ARG002 - there is nothing to warn of
    ) -> dict[str, Any]:
        """Return this as plain data in the way of pydantic: every declared field, those that are `None` as well.

        Args:
            mode: the mode in which pydantic models among parsed values are dumped; other data is the same in either.
            include: names of the fields to return, of this object alone; else all.
            exclude: names of the fields to leave out, of this object alone.
            by_alias: whether fields have the names that the server uses, rather than Python's.
            exclude_unset: leave out what is `None`, since a field that is null counts as missing.
            exclude_defaults: the same.
            exclude_none: the same.
            round_trip: without effect.
            warnings: without effect.
        """
        bare = exclude_unset or exclude_defaults or exclude_none
        pydantic_options = {
            "mode": mode,
            "exclude_unset": exclude_unset,
            "exclude_defaults": exclude_defaults,
            "exclude_none": exclude_none,
        }

        def dumped(each: Object) -> dict[str, Any]:
            items = each._items(python=not by_alias)
            data = {name: plain(value, dumped) for name, value in items if value is not None or not bare}
            for name in each._computed:
                value = plain_parsed(getattr(each, name), dumped, **pydantic_options)
                if value is not None or not bare:
                    data[name] = value
            return data

        names = None if include is None else frozenset(include)
        without = frozenset(exclude or ())
        return {
            name: value
            for name, value in dumped(self).items()
            if (names is None or name in names) and name not in without
        }

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return `model_dump()` as JSON text, on one line unless `indent` (spaces) is given; it takes its options."""
        data = msgspec.json.encode(self.model_dump(**options))
        return (data if indent is None else msgspec.json.format(data, indent=indent)).decode()

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Make one of plain data, as of an answer: what does not fit stays as it is.

        Raises:
            TypeError: it is no mapping and no object of the API, or holds what has no form in JSON.
        """
        from oai._json.encode import encode  # which is built on this module

        if not isinstance(obj, (dict, Object)):
            raise TypeError(f"{cls.__name__} is made of a dict, not of {type(obj).__name__}")
        return cls.model_validate_json(encode(obj))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes) -> Self:
        """Make one of JSON text, as `oai.decode` does.

        Raises:
            ValueError: it is no JSON object.
        """
        from oai._json.decode import decode  # as above

        made = decode(cls, json_data.encode() if isinstance(json_data, str) else json_data)
        if not isinstance(made, cls):
            raise ValueError(f"{cls.__name__} is made of a JSON object, not of {type(made).__name__}")  # noqa: TRY004 - the text is wrong
        return made

    @classmethod
    def model_construct(cls, **values: Any) -> Self:
        """Make one of its fields, those included that nobody declared or that tell types apart."""
        return cls.model_validate(values)

    construct = model_construct

    def model_copy(self, *, update: dict[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with some fields replaced."""
        from copy import copy, deepcopy  # few programs do

        twin = deepcopy(self) if deep else copy(self)
        for name, value in (update or {}).items():
            setattr(twin, name, value)
        return twin

    @property
    def model_extra(self) -> dict[str, Any]:
        """The fields that the server sent and nobody declared."""
        extras = {name: value for name, value in self.__dict__.items() if name not in RESERVED}
        return {**extras, **self.__dict__.get(SHADOWED, {})}

    @property
    def model_fields_set(self) -> set[str]:
        """The fields that the server sent, those that are null included where this object is an answer's root.

        Deeper down, a declared field that is null counts as missing.
        """
        sent = {wire for wire, value in self._items() if value is not None} | self.model_extra.keys()
        content = getattr(self._response, "content", b"")
        if content.lstrip()[:1] == b"{":
            from oai._json.decode import parse_json  # which is built on this module

            sent |= parse_json(content).keys()
        names = dict(zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True))
        return {names.get(wire, wire) for wire in sent}

    def _items(self, *, python: bool = False) -> Iterator[tuple[str, Any]]:
        """Yield name, the server's or Python's, and value of the tag, the declared fields and the unknown fields."""
        cls = type(self)
        tag_field = cls.__struct_config__.tag_field
        extras = self.model_extra
        if tag_field is not None:
            yield tag_field, extras.pop(tag_field, cls.__struct_config__.tag)
        for name, wire in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True):
            yield name if python else wire, getattr(self, name)
        yield from extras.items()

    __pydantic_serializer__: ClassVar[Any] = _PydanticSerializer()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from oai._json.pydantic_schema import core_schema_of  # only pydantic calls this

        del handler
        return core_schema_of(cls, source)

    def __eq__(self, other: object) -> bool:
        """Compare what the server sent, fields that nobody declared included."""
        if type(other) is not type(self):
            return NotImplemented
        return msgspec.Struct.__eq__(self, other) and self.model_extra == other.model_extra

    def __copy__(self) -> Self:
        twin = type(self)(**{name: getattr(self, name) for name in self.__struct_fields__})
        twin.__dict__.update(self.__dict__)
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        kept = {name: value for name, value in self.__dict__.items() if name not in ("_more", "_asked")}
        return _restore, (type(self), fields, kept)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._items() if value is not None)
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in self._items() if value is not None]


def _restore(cls: type[Object], fields: dict[str, Any], kept: dict[str, Any]) -> Object:
    restored = cls(**fields)
    restored.__dict__.update(kept)
    return restored


Object._untyped = Object  # noqa: SLF001 - its own module


def plain_parsed(value: Any, dumped: Callable[[Object], Any] = Object.model_dump, **options: Any) -> Any:
    """Return a parsed value, which may be of a caller's type, as plain data.

    Args:
        value: the value.
        dumped: makes a dict of an object of the API.
        options: those of `model_dump` of a pydantic model.
    """
    if isinstance(value, (Object, list)) or type(value) in LEAVES:
        return plain(value, dumped)
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(**options)
    from oai._json.encode import encode  # which is built on this module

    return msgspec.json.decode(encode(value))


LEAVES = frozenset({str, int, float, bool, type(None)})


def plain(value: Any, dumped: Callable[[Object], Any] = Object.to_dict) -> Any:
    """Turn objects into dicts and arrays into lists, all the way down, leaving everything else as it is.

    Args:
        value: what to turn.
        dumped: makes a dict of an object.
    """
    if type(value) in LEAVES:
        return value
    if isinstance(value, Object):
        return dumped(value)
    if isinstance(value, list):
        return [plain(item, dumped) for item in value]
    if isinstance(value, dict):
        return {key: plain(item, dumped) for key, item in value.items()}
    to_list = getattr(value, "tolist", None)
    return to_list() if callable(to_list) else value
