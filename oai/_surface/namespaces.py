"""Build the methods of a client from rows: real functions with exact signatures, on real namespace classes.

A client class gets one attribute for each first segment of a call path. An attribute is built on first access: a
namespace becomes a class, an operation becomes a function that is compiled from generated source and replaces the
attribute, so that later calls find a plain method. Sync and async functions differ only in `async` and `await`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property, partial, reduce
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any

from oai._errors import TableError
from oai._support.omit import omit
from oai._table.operation import GENERATED, Operation
from oai._table.websocket_row import WebSocketRow

if TYPE_CHECKING:
    from oai._table.rows import HelperRow
    from oai._table.table import Table


class Namespace:
    """A group of operations under a common call path, such as `client.chat.completions`."""

    _path: str = ""

    def __init__(self, client: Any) -> None:
        self._client = client

    @cached_property
    def with_raw_response(self) -> Any:
        """The same operations, whose methods return the HTTP response, see `RawResponse`."""
        return reduce(getattr, self._path.split("."), self._client.with_raw_response)

    @cached_property
    def with_streaming_response(self) -> Any:
        """The same operations, whose methods return context managers of a `StreamedResponse`."""
        return reduce(getattr, self._path.split("."), self._client.with_streaming_response)

    def __reduce__(self) -> tuple[Any, ...]:
        return _namespace_of, (self._client, self._path)

    def __repr__(self) -> str:
        names = (name for name in dir(self) if name[0] != "_" and name not in dir(Namespace))
        return f"<namespace {self._path}: {', '.join(names)}>"


for _verb in ("get", "post", "put", "patch", "delete"):  # which subclasses of the official SDK's resources call
    setattr(Namespace, f"_{_verb}", property(attrgetter(f"_client.{_verb}")))


def client_of(owner: Any) -> Any:
    """Return the client that a namespace belongs to, or the client itself."""
    return vars(owner)["_client"] if isinstance(owner, Namespace) else owner


def _namespace_of(client: Any, path: str) -> Namespace:
    """Return a namespace that was pickled as client and path: its class is generated, and its client has the table."""
    namespace: Namespace = attrgetter(path)(client)
    return namespace


class MethodBuilder:
    """Builds the attributes that a table adds to a client class, each on first access.

    Args:
        table: the rows.
        is_async: whether the functions are coroutine functions.
        prefix: what the names of namespace classes begin with; the default is that of the official SDK.
        suffix: what they end with.
        options: the options of a client, which `with_options` takes and no function does.
    """

    def __init__(
        self,
        table: Table,
        *,
        is_async: bool = False,
        prefix: str | None = None,
        suffix: str = "",
        options: Collection[str] = (),
    ) -> None:
        self.table = table
        self.is_async = is_async
        self.operations: dict[str, Operation] = {}
        self._prefix = ("Async" if is_async else "") if prefix is None else prefix
        self._suffix = suffix
        self._options = options

    def operation(self, name: str) -> Operation:
        """Return the operation of a call path; all functions that call it share one."""
        if name not in self.operations:
            self.operations[name] = Operation(name, self.table[name])
        return self.operations[name]

    def install(self, cls: type, taken: frozenset[str]) -> None:
        """Add the attributes to a client class: namespaces, operations of one segment, and flat aliases.

        Raises:
            TableError: an attribute would hide one of `taken`, the client's own.
        """
        for name, attribute in self._attributes(""):
            if name in taken:
                raise TableError(f"the call path or alias `{name}` would hide `{cls.__name__}.{name}`")
            attribute.__set_name__(cls, name)
            setattr(cls, name, attribute)

    def _attributes(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Yield the attributes of the namespace at `prefix`: `"chat."`, or `""` for the client itself."""
        segments: dict[str, bool] = {}
        for path in (*self.table, *self.table.helpers):
            if path.startswith(prefix):
                head, _, rest = path[len(prefix) :].partition(".")
                segments[head] = bool(rest)
        for name, is_namespace in segments.items():
            yield name, _NamespaceAttribute(self, prefix + name) if is_namespace else self._method(prefix + name)
        if not prefix:
            for alias in self.table.aliases:
                if alias not in segments:
                    yield alias, _LazyMethod(partial(self._flat, alias, "self"))

    def _method(self, path: str) -> _LazyMethod:
        owner, _, name = path.rpartition(".")
        client = "self._client" if owner else "self"

        def make() -> FunctionType:
            if path in self.table.helpers:
                return self._helper(path, self.table.helpers[path], client)
            operation = self.operation(path)
            return self._function(name, operation, operation.row.positional, client)

        return _LazyMethod(make)

    def namespace(self, path: str) -> type[Namespace]:
        """Create the class of a namespace."""
        words = "".join(part.title() for part in path.rpartition(".")[2].split("_"))
        names = {"_path": path, "__doc__": f"The operations below `{path}`.", "__module__": f"oai.resources.{path}"}
        cls = type(f"{self._prefix}{words}{self._suffix}", (Namespace,), names)
        for attribute_name, attribute in self._attributes(f"{path}."):
            attribute.__set_name__(cls, attribute_name)
            setattr(cls, attribute_name, attribute)
        if path in self.table.aliases:
            call = _LazyMethod(partial(self._flat, path, "self._client"))
            call.__set_name__(cls, "__call__")
            setattr(cls, "__call__", call)  # noqa: B010 - mypy rejects the assignment to a method
        return cls

    def _flat(self, alias: str, client: str) -> FunctionType:
        """Create the function of an alias; if two operations share it, the number of positional arguments decides."""
        forms = self.table.aliases[alias]
        functions = [self._function(alias, self.operation(name), names, client) for name, names in forms]
        if len(functions) == 1:
            return functions[0]
        if len(functions) > 2 or sorted(len(names) for _, names in forms) != [0, 1]:
            raise TableError(f"alias `{alias}` must be one operation, or one without and one with one argument")
        pairs = sorted(zip(functions, forms, strict=True), key=lambda pair: len(pair[1][1]))
        (list_all, _), (retrieve, (_, names)) = pairs
        from oai._surface.source import overload  # a large module, needed only when a method is built

        return overload(alias, names[0], list_all, retrieve)

    def _function(self, name: str, operation: Operation, positional: list[str], client: str) -> FunctionType:
        from oai._surface.source import collected_params, document, make_function, operation_source, required_params

        row = operation.row
        if not self.is_async:
            call = ("", f"{client}._core.call")
        elif operation.page:  # `AsyncPages` can be awaited and iterated
            call = ("", f"{client}._core.list")
        else:
            call = ("async ", f"await {client}._core.call")
        collected = collected_params(row, positional)
        source = "\n".join(operation_source(name, row, positional, collected, call))
        params = {param: kind.removesuffix("?") for param, kind in (row.params or {}).items()}
        scope = {
            "_operation": operation,
            "_places": {param: place for place, param in enumerate(collected)},
            **self._scope(),
        }
        filename = f"{GENERATED}{operation.name}, called {name}>"
        function = make_function(
            name, filename, source, scope, required_params(row), {**dict.fromkeys(row.path_params, "str"), **params}
        )
        function.__qualname__ = f"{operation.name}"
        function.__doc__ = document(operation, self.table)
        return function

    def _helper(self, path: str, helper: HelperRow | WebSocketRow, client: str) -> FunctionType:
        """Create the method of a helper's function."""
        from inspect import getdoc  # as above

        from oai._surface.source import helper_source, make_function, with_arguments

        name = path.rpartition(".")[2]
        try:
            target = helper.target
        except LookupError as error:
            raise TableError(f"[{path}]: `helper` is {helper.helper!r}: {error}") from error
        params = helper.merged(self.table)
        positional = helper.positional(self.table)
        prefix, call = "", f"_target({client}, **_arguments)"
        if helper.waits:
            call = f"{client}._core.help(_target, _arguments)"
            if self.is_async:
                prefix, call = "async ", f"await {call}"
        source = "\n".join(helper_source(prefix, name, helper, params, positional, call))
        constants = {**helper.constants, "name": path} if isinstance(helper, WebSocketRow) else helper.constants
        function_of_row = partial(target, **constants) if constants else target
        scope = {"_target": function_of_row, **self._scope()}
        required = [param for param, kind in params.items() if not kind.endswith("?")]
        function = make_function(name, f"{GENERATED}{path}>", source, scope, required)
        function.__qualname__ = path
        text = "\n\n".join(filter(None, [helper.doc or path, getdoc(target)]))
        function.__doc__ = with_arguments(text, self.table, path)
        return function

    def _scope(self) -> dict[str, Any]:
        """Return the global names that generated source uses."""
        from oai._surface.source import passed, with_headers, wrong_call
        from oai._table.type_expressions import METHOD_BUILTINS  # as above

        return {
            "__builtins__": METHOD_BUILTINS,
            "_omit": omit,
            "_passed": passed,
            "_with_headers": with_headers,
            "_wrong_call": partial(wrong_call, options=self._options),
        }


class _LazyMethod:
    """An attribute that replaces itself with the function that `make` returns, on first access."""

    def __init__(self, make: Callable[[], FunctionType]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    @property
    def __func__(self) -> FunctionType:
        """The function, by which `unittest.mock` decides whether its replacement must be awaited."""
        return self._make()

    def __get__(self, instance: object, owner: type) -> Any:
        function = self._make()
        setattr(self._owner, self._name, function)
        return function.__get__(instance, owner) if instance is not None else function


class _NamespaceAttribute:
    """An attribute that creates its namespace class once, and one instance of it for each client."""

    def __init__(self, surface: MethodBuilder, path: str) -> None:
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
        namespace = self._cls(client_of(instance))
        instance.__dict__[self._name] = namespace
        return namespace
