"""Rows to callables: real functions with exact signatures, on real namespace classes.

A client class gets one attribute for each first segment of a call path. An attribute is built when it is
first looked at: a namespace becomes a class, an operation becomes a function whose source is written here,
compiled, and put in the attribute's place, so that later calls find a plain method. The functions of a sync
and an async client differ in two words.
"""

from __future__ import annotations
import __future__

import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from oai._errors import TableError
from oai._nearest import nearest
from oai._omit import omit
from oai._operation import GENERATED, Operation
from oai._table import CALL_OPTIONS

if TYPE_CHECKING:
    from oai._table import Row, Table

OPTION_SOURCE = (
    "extra_headers: Mapping[str, str] = None",
    "extra_query: Mapping[str, Any] = None",
    "extra_body: Mapping[str, Any] = None",
    "timeout: float | Timeout | None = _omit",
)

COMPILE_FLAGS = __future__.annotations.compiler_flag


class Namespace:
    """A group of operations under a common call path, such as `client.chat.completions`."""

    _path: str = ""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<namespace {self._path}: {', '.join(name for name in dir(self) if name[0] != '_')}>"


class Surface:
    """What a table gives a client class: its attributes, built as they are needed.

    Args:
        table: the rows.
        is_async: whether the functions are coroutine functions.
    """

    def __init__(self, table: Table, *, is_async: bool = False) -> None:
        self.table = table
        self.is_async = is_async
        self.operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """Return the operation of a call path; there is one for all functions that call it."""
        if name not in self.operations:
            self.operations[name] = Operation(name, self.table[name])
        return self.operations[name]

    def install(self, cls: type, taken: frozenset[str]) -> None:
        """Give a client class its attributes: namespaces, operations of one segment, and flat aliases.

        Raises:
            TableError: an attribute would hide one of `taken`, the client's own.
        """
        for name, attribute in self._attributes(""):
            if name in taken:
                raise TableError(f"the call path or alias `{name}` would hide `{cls.__name__}.{name}`")
            attribute.__set_name__(cls, name)
            setattr(cls, name, attribute)

    def _attributes(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield the attributes of the namespace at `prefix` (`"chat."`, nothing for the client itself)."""
        segments: dict[str, bool] = {}
        for path in self.table:
            if path.startswith(prefix):
                head, _, rest = path[len(prefix) :].partition(".")
                segments[head] = bool(rest)
        for name, is_namespace in segments.items():
            yield name, _NamespaceAttribute(self, prefix + name) if is_namespace else self._method(prefix + name)
        if not prefix:
            for alias, forms in self.table.aliases.items():
                if alias not in segments:
                    yield alias, _Lazy(partial(self._flat, alias, forms, "self"))

    def _method(self, path: str) -> _Lazy:
        owner, _, name = path.rpartition(".")
        client = "self._client" if owner else "self"

        def make() -> FunctionType:
            operation = self.operation(path)
            return self._function(name, operation, operation.row.positional, client)

        return _Lazy(make)

    def namespace(self, path: str) -> type[Namespace]:
        """Make the class of a namespace."""
        name = "".join(part.title() for part in path.rpartition(".")[2].split("_"))
        cls = type(name, (Namespace,), {"_path": path, "__doc__": f"The operations below `{path}`."})
        for attribute_name, attribute in self._attributes(f"{path}."):
            attribute.__set_name__(cls, attribute_name)
            setattr(cls, attribute_name, attribute)
        forms = self.table.aliases.get(path)
        if forms:
            call = _Lazy(partial(self._flat, path, forms, "self._client"))
            call.__set_name__(cls, "__call__")
            setattr(cls, "__call__", call)  # noqa: B010 - a checker would hold the assignment to a method's type
        return cls

    def _flat(self, alias: str, forms: list[tuple[str, list[str]]], client: str) -> FunctionType:
        """Make the function of an alias; where two operations share it, the number of positionals decides."""
        functions = [self._function(alias, self.operation(name), names, client) for name, names in forms]
        if len(functions) == 1:
            return functions[0]
        if len(functions) > 2 or sorted(len(names) for _, names in forms) != [0, 1]:
            raise TableError(f"alias `{alias}` must be one operation, or one without and one with one argument")
        (without, _), (given, (_, names)) = sorted(zip(functions, forms, strict=True), key=lambda pair: len(pair[1][1]))
        return _overload(alias, names[0], without, given)

    def _function(self, name: str, operation: Operation, positional: list[str], client: str) -> FunctionType:
        row = operation.row
        if not self.is_async:
            call = ("", f"{client}._call")
        elif operation.page:  # what comes back can be awaited and iterated
            call = ("", f"{client}._list")
        else:
            call = ("async ", f"await {client}._call")
        source = "\n".join(_source(name, row, positional, call))
        scope = {"_operation": operation, "_omit": omit, "_wrong_call": wrong_call, "_with_headers": with_headers}
        filename = f"{GENERATED}{operation.name}, called {name}>"
        function = _compile(name, filename, source, scope, _required(row))
        function.__qualname__ = f"{operation.name}"
        function.__doc__ = _document(operation)
        return function


class _Lazy:
    """An attribute that puts what `make` returns in its own place when it is first looked at."""

    def __init__(self, make: Callable[[], FunctionType]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, owner: type) -> Any:
        function = self._make()
        setattr(self._owner, self._name, function)
        return function.__get__(instance, owner) if instance is not None else function


class _NamespaceAttribute:
    """An attribute that makes its namespace class once, and one instance of it for each client."""

    def __init__(self, surface: Surface, path: str) -> None:
        self._surface = surface
        self._path = path
        self._cls: type[Namespace] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if self._cls is None:
            self._cls = self._surface.namespace(self._path)
        if instance is None:
            return self._cls
        namespace = self._cls(instance.__dict__.get("_client", instance))
        instance.__dict__[self._name] = namespace
        return namespace


def _source(name: str, row: Row, positional: list[str], call: tuple[str, str]) -> Iterator[str]:
    """Write the function of an operation. Names of its own begin with an underscore, as no parameter may.

    `call` is what the function begins with, and what it passes its arguments to: the two words in which sync and
    async differ.
    """
    params = row.params or {}
    path_params = row.path_params
    names = [*path_params, *params]
    signature = ["self", *(_parameter(param, params) for param in positional), "*"]
    signature += [_parameter(param, params) for param in names if param not in positional]
    may_stream = row.stream is not None and not row.stream_only and "stream" not in params
    if may_stream:
        signature.append("stream: bool = _omit")
    signature += OPTION_SOURCE
    signature.append("**_unknown" if row.params is not None else "**params: Any")
    yield f"{call[0]}def {name}({', '.join(signature)}) -> {row.response}:"
    required = _required(row)
    wrong = [*(["_unknown"] if row.params is not None else []), *(f"{param} is _omit" for param in required)]
    if wrong:
        unknown = "_unknown" if row.params is not None else "{}"
        given = "{" + ", ".join(f"{param!r}: {param}" for param in required) + "}"
        yield f"    if {' or '.join(wrong)}:"
        yield f"        raise _wrong_call({name!r}, {unknown}, {given}, {names!r})"
    if row.deprecated is not None:
        yield "    _operation.warn_deprecated()"
    if row.header_params:
        fields = "".join(f"{name!r}: {param}, " for param, name in row.header_params.items())
        yield f"    extra_headers = _with_headers({{{fields}}}, extra_headers)"
    params = {param: kind for param, kind in params.items() if param not in row.header_params}
    query = [param for param in params if row.body == "query" or param in row.query]
    place = "_query" if row.body == "query" else "_body"
    needed = place if may_stream else None
    yield from _collect("_query", query, row, needed=needed)
    yield from _collect("_body", [param for param in params if param not in query], row, needed=needed)
    if row.params is None:
        yield f"    {place} = params" if may_stream else f"    {place} = params or None"
    if may_stream:
        yield f"    if stream is not _omit: {place}['stream'] = stream"
    stream = _stream_argument(row)
    path = "".join(f"{param}, " for param in path_params)
    yield f"    return {call[1]}(_operation, ({path}), _query, _body, {stream}, {', '.join(CALL_OPTIONS)})"


def _stream_argument(row: Row) -> str:
    """Write what tells whether the answer is to be read as a stream."""
    if row.stream is None:
        return "None"
    if row.stream_only:
        return "True"
    return "stream"


def _required(row: Row) -> list[str]:
    params = row.params or {}
    return [*row.path_params, *(param for param, kind in params.items() if not kind.endswith("?"))]


def _parameter(name: str, params: Mapping[str, str]) -> str:
    """Write a parameter. Required ones get a default as well, for the function to name what is missing."""
    expression = params.get(name, "str")
    return f"{name}: {expression.removesuffix('?')} = _omit"


def _collect(target: str, names: list[str], row: Row, *, needed: str | None) -> Iterator[str]:
    """Write the lines that gather parameters into a dict under their wire names, `None` where nobody needs one."""
    params = row.params or {}
    if not names and target != needed:
        yield f"    {target} = None"
        return
    required = [name for name in names if not params[name].endswith("?")]
    yield f"    {target} = {{{', '.join(f'{row.rename.get(name, name)!r}: {name}' for name in required)}}}"
    for name in names:
        if name not in required:
            yield f"    if {name} is not _omit: {target}[{row.rename.get(name, name)!r}] = {name}"


def _overload(name: str, first: str, without: FunctionType, given: FunctionType) -> FunctionType:
    """Make one function of two: called without `first` it is `without`, called with it `given`."""
    params: dict[str, inspect.Parameter] = {}
    for function in (without, given):
        for parameter in list(inspect.signature(function).parameters.values())[1:]:
            params.setdefault(parameter.name, parameter)
    names = [each for each in params if each not in (first, "params")]
    keywords = "".join(f"{each}=_omit, " for each in names)
    source = f"""def {name}(self, {first}=_omit, *, {keywords}**_unknown):
    _given = {{key: value for key, value in ({"".join(f"({each!r}, {each}), " for each in names)})
              if value is not _omit}} | _unknown
    return _without(self, **_given) if {first} is _omit else _with(self, {first}, **_given)
"""
    scope = {"_omit": omit, "_without": without, "_with": given}
    function = _compile(name, f"{GENERATED}alias {name}>", source, scope, [])
    function.__qualname__ = name
    function.__doc__ = f"Without `{first}`: {without.__doc__}\n\nWith `{first}`: {given.__doc__}"
    return function


def _compile(name: str, filename: str, source: str, scope: dict[str, Any], required: list[str]) -> FunctionType:
    """Compile a function, keep its source for tracebacks, and give it the signature that people should see."""
    scope["__name__"] = "oai"
    exec(compile(source, filename, "exec", COMPILE_FLAGS, dont_inherit=True), scope)  # noqa: S102 - of a checked row
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    function: FunctionType = scope[name]
    signature = inspect.signature(function)
    shown = [
        each.replace(default=inspect.Parameter.empty) if each.name in required else each
        for each in signature.parameters.values()
        if each.name != "_unknown"
    ]
    function.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return function


def with_headers(given: Mapping[str, object], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters that ride in headers as header fields, lists joined by commas, the caller's own on top."""
    fields = {name: value for name, value in given.items() if value is not omit}
    texts = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in fields.items()}
    return {**texts, **(extra or {})}


def wrong_call(
    function: str, unknown: Mapping[str, object], required: Mapping[str, object], names: list[str]
) -> TypeError:
    """Make the error for a call that does not fit: in Python's words, and with the nearest right name."""
    if unknown:
        wrong = next(iter(unknown))
        right = nearest(wrong, [*names, "stream", *CALL_OPTIONS])
        hint = f". Did you mean '{right}'?" if right else "; what the table does not declare goes in extra_body"
        return TypeError(f"{function}() got an unexpected keyword argument '{wrong}'{hint}")
    missing = [repr(name) for name, value in required.items() if value is omit]
    many = "s" if len(missing) > 1 else ""
    return TypeError(f"{function}() missing {len(missing)} required argument{many}: {' and '.join(missing)}")


def _document(operation: Operation) -> str:
    row = operation.row
    text = f"{row.doc or operation.name}\n\n{row.method} {row.path}"
    return text if row.deprecated is None else f"{text}\n\nDeprecated: {row.deprecated}"
