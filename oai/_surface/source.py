"""Generate the Python source of the methods that `_surface` compiles, and the functions that this source calls.

A generated function sorts the parameters of its row into path, query and body. Optional ones of the body (of the
query, where a row has no body) are collected in a dictionary, since a call passes few of many; the signature that
`inspect` and `help` show has them all. Names of the function's own begin with an underscore, which no parameter's may.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from oai._support.omit import omit
from oai._support.suggest import nearest
from oai._surface.docstring import Docstring
from oai._table.operation import GENERATED, Operation
from oai._table.rows import CALL_OPTIONS

if TYPE_CHECKING:
    from oai._table.rows import HelperRow, Row
    from oai._table.table import Table
    from oai._table.websocket_row import WebSocketRow

OPTION_SOURCE = (
    "extra_headers: 'Mapping[str, str]' = None",
    "extra_query: 'Mapping[str, Any]' = None",
    "extra_body: 'Mapping[str, Any]' = None",
    "timeout: 'float | Timeout | None' = _omit",
)


def operation_source(
    name: str, row: Row, positional: list[str], collected: list[str], call: tuple[str, str]
) -> Iterator[str]:
    """Yield the lines of the function of an operation.

    `collected` has the names of the parameters that the function collects. `call` holds the two parts in which sync and
    async functions differ: the prefix of `def`, and the function that gets the arguments.
    """
    params = row.params or {}
    path_params = row.path_params
    names = [*path_params, *params]
    signature = ["self", *(_parameter(param, params) for param in positional), "*"]
    signature += [_parameter(param, params) for param in names if param not in (*positional, *collected)]
    signature += [_parameter(param, row.local) for param in row.local]
    may_stream = row.stream is not None and not row.stream_only and "stream" not in params
    if may_stream:
        signature.append("stream: 'bool' = _omit")
    signature += OPTION_SOURCE
    signature.append("**_others" if row.params is not None else "**params: 'Any'")
    yield f"{call[0]}def {name}({', '.join(signature)}) -> {row.response!r}:"
    required = required_params(row)
    unknown = "not _others.keys() <= _places.keys()" if collected else "_others"
    wrong = [*([unknown] if row.params is not None else []), *(f"{param} is _omit" for param in required)]
    if wrong:
        unknown = "_others" if row.params is not None else "{}"
        arguments = "{" + ", ".join(f"{param!r}: {param}" for param in required) + "}"
        yield f"    if {' or '.join(wrong)}:"
        yield f"        raise _wrong_call({name!r}, {unknown}, {arguments}, {[*names, *row.local]!r})"
    if row.deprecated is not None:
        yield "    _operation.warn_deprecated()"
    if row.header_params:
        fields = "".join(f"{name!r}: {param}, " for param, name in row.header_params.items())
        yield f"    extra_headers = _with_headers({{{fields}}}, extra_headers)"
    params = {param: kind for param, kind in params.items() if param not in row.header_params}
    query = [param for param in params if row.body == "query" or param in row.query]
    place = "_query" if row.body == "query" else "_body"
    needed = place if may_stream else None
    for target in ("_query", "_body"):
        targeted = [param for param in params if (param in query) == (target == "_query") and param not in collected]
        yield from _collect(target, targeted, row, needed=place if collected else needed)
    if collected:
        yield f"    if _others: {place}.update(_passed(_others, _places))"
    if row.params is None:
        yield f"    {place} = params" if may_stream else f"    {place} = params or None"
    if may_stream:
        yield f"    if stream is not _omit: {place}['stream'] = stream"
    if row.bind is not None:
        yield from _collect("_local", list(row.local), row, needed="_local", kinds=row.local)
        options = "{'extra_headers': extra_headers, 'timeout': timeout}"
        yield f"    _operation_ = _operation.bind({place}, {options}, _local)"
    operation = "_operation" if row.bind is None else "_operation_"
    stream = _stream_argument(row)
    path = "".join(f"{param}, " for param in path_params)
    yield f"    return {call[1]}({operation}, ({path}), _query, _body, {stream}, {', '.join(CALL_OPTIONS)})"


def helper_source(
    prefix: str,
    name: str,
    helper: HelperRow | WebSocketRow,
    params: Mapping[str, str],
    positional: list[str],
    call: str,
) -> Iterator[str]:
    """Yield the lines of the method of a helper, which passes on the arguments that the caller passed."""
    options = CALL_OPTIONS if helper.extends is not None else ()
    named = [_parameter(param, params) for param in params if param not in positional]
    named += OPTION_SOURCE if options else ()
    signature = ["self", *(_parameter(param, params) for param in positional), *(["*"] if named else []), *named]
    signature.append("**_unknown")
    yield f"{prefix}def {name}({', '.join(signature)}) -> {helper.response!r}:"
    required = [param for param, kind in params.items() if not kind.endswith("?")]
    wrong = ["_unknown", *(f"{param} is _omit" for param in required)]
    arguments = "{" + ", ".join(f"{param!r}: {param}" for param in required) + "}"
    yield f"    if {' or '.join(wrong)}:"
    yield f"        raise _wrong_call({name!r}, _unknown, {arguments}, {list(params)!r})"
    yield f"    _arguments = {arguments}"
    for param in params:
        if param not in required:
            yield f"    if {param} is not _omit: _arguments[{param!r}] = {param}"
    for option in options:
        yield f"    if {option} is not {'_omit' if option == 'timeout' else None}: _arguments[{option!r}] = {option}"
    yield f"    return {call}"


def event_source(prefix: str, name: str, event: str, params: Mapping[str, str], send: str) -> Iterator[str]:
    """Yield the lines of the method that sends an event over a WebSocket; omitted parameters are left out of it."""
    required = [param for param, kind in params.items() if not kind.endswith("?")]
    listed = [*required, *(param for param in params if param not in required)]
    signature = ["self", *(["*"] if params else []), *(_parameter(param, params) for param in listed), "**_unknown"]
    yield f"{prefix}def {name}({', '.join(signature)}) -> None:"
    arguments = "{" + ", ".join(f"{param!r}: {param}" for param in required) + "}"
    yield f"    if {' or '.join(['_unknown', *(f'{param} is _omit' for param in required)])}:"
    yield f"        raise _wrong_call({name!r}, _unknown, {arguments}, {listed!r}, 'send(...) accepts any event')"
    fields = "".join(f", {param!r}: {param}" for param in params)
    yield f"    return {send}({{'type': {event!r}{fields}}})"


def _stream_argument(row: Row) -> str:
    """Return the expression that says whether the response is read as a stream."""
    if row.stream is None:
        return "None"
    if row.stream_only:
        return "True"
    return "stream"


def collected_params(row: Row, positional: Collection[str]) -> list[str]:
    """Return the optional parameters that a function collects: they go to one place, under their own names."""
    params = row.params or {}
    named = {*positional, *row.path_params, *row.rename, *row.header_params, "stream"}
    if row.body != "query":
        named.update(row.query)
    return [param for param, kind in params.items() if kind.endswith("?") and param not in named]


def passed(arguments: Mapping[str, Any], places: Mapping[str, int]) -> dict[str, Any]:
    """Return the arguments that are not `omit`, in the order of the row, so that equal calls send equal bytes."""
    names = sorted(arguments, key=places.__getitem__)
    return {name: arguments[name] for name in names if arguments[name] is not omit}


def required_params(row: Row) -> list[str]:
    """Return the required parameters: those of the path, then those whose type does not end with `?`."""
    params = row.params or {}
    return [*row.path_params, *(param for param, kind in params.items() if not kind.endswith("?"))]


def _parameter(name: str, params: Mapping[str, str]) -> str:
    """Return a parameter of the signature.

    Required ones have a default too, so that the function can name every missing one. Annotations are strings, so
    that no type is imported before someone inspects them.
    """
    expression = params.get(name, "str")
    return f"{name}: {expression.removesuffix('?')!r} = _omit"


def _collect(
    target: str, names: list[str], row: Row, *, needed: str | None, kinds: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yield the lines that collect parameters in a dict under their wire names, or `None` if there are none."""
    params = kinds or row.params or {}
    if not names and target != needed:
        yield f"    {target} = None"
        return
    required = [name for name in names if not params[name].endswith("?")]
    yield f"    {target} = {{{', '.join(f'{row.rename.get(name, name)!r}: {name}' for name in required)}}}"
    for name in names:
        if name not in required:
            yield f"    if {name} is not _omit: {target}[{row.rename.get(name, name)!r}] = {name}"


def overload(name: str, first: str, list_all: FunctionType, retrieve: FunctionType) -> FunctionType:
    """Return one function for two: called without `first` it calls `list_all`, called with it `retrieve`."""
    import inspect  # as in `make_function`

    params: dict[str, inspect.Parameter] = {}
    for function in (list_all, retrieve):
        for parameter in list(inspect.signature(function).parameters.values())[1:]:
            params.setdefault(parameter.name, parameter)
    names = [param for param in params if param not in (first, "params")]
    keywords = "".join(f"{param}=_omit, " for param in names)
    source = f"""def {name}(self, {first}=_omit, *, {keywords}**_unknown):
    _arguments = {{key: value for key, value in ({"".join(f"({param!r}, {param}), " for param in names)})
                  if value is not _omit}} | _unknown
    return _list_all(self, **_arguments) if {first} is _omit else _retrieve(self, {first}, **_arguments)
"""
    scope = {"_omit": omit, "_list_all": list_all, "_retrieve": retrieve}
    function = make_function(name, f"{GENERATED}alias {name}>", source, scope, [])
    function.__qualname__ = name

    def full() -> str:
        return f"Without `{first}`: {list_all.__doc__}\n\nWith `{first}`: {retrieve.__doc__}"

    function.__doc__ = Docstring(f"Two operations: with `{first}`, and without.", full)
    return function


def make_function(
    name: str,
    filename: str,
    source: str,
    scope: dict[str, Any],
    required: list[str],
    params: Mapping[str, str] | None = None,
) -> FunctionType:
    """Compile a function, keep its source for tracebacks, and set the signature that `inspect` and `help` show.

    Args:
        name: the name of the function.
        filename: the name of its source in tracebacks.
        source: its source.
        scope: the global names that the source uses.
        required: the parameters that the signature shows without a default.
        params: the types of the row's parameters, by name and in order, those that the function collects included.
    """
    import inspect  # a large module, needed only when a method is built

    scope["__name__"] = "oai"
    filename = _keep_source(filename, source)
    exec(compile(source, filename, "exec", dont_inherit=True), scope)  # noqa: S102 - from a validated row
    function: FunctionType = scope.pop(name)  # `list` in the annotations of a method `list` is the type
    signature = inspect.signature(function)
    parameters = {
        param: parameter.replace(default=inspect.Parameter.empty) if param in required else parameter
        for param, parameter in signature.parameters.items()
        if not param.startswith("_")
    }
    for param, kind in (params or {}).items():
        if param not in parameters:
            parameters[param] = inspect.Parameter(param, inspect.Parameter.KEYWORD_ONLY, default=omit, annotation=kind)
            function.__annotations__[param] = kind
    keywords = [param for param in params or () if parameters[param].kind is inspect.Parameter.KEYWORD_ONLY]
    ordered = {param: parameters[param] for param in (*keywords, *parameters)}
    shown = sorted(ordered.values(), key=lambda parameter: parameter.kind)
    function.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return function


def _keep_source(filename: str, source: str) -> str:
    """Keep a source for tracebacks, under a unique file name: two tables may have different rows of one name."""
    import linecache

    lines = source.splitlines(keepends=True)
    name, number = filename, 1
    while linecache.getlines(name) not in ([], lines):
        number += 1
        name = f"{filename[:-1]}, {number}>"
    linecache.cache[name] = (len(source), None, lines, name)
    return name


def with_headers(params: Mapping[str, object], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return parameters that are sent as headers, lists joined by commas, with the caller's `extra_headers` on top."""
    fields = {name: value for name, value in params.items() if value is not omit}
    texts = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in fields.items()}
    return {**texts, **(extra or {})}


def wrong_call(
    function: str,
    unknown: Mapping[str, object],
    required: Mapping[str, object],
    names: list[str],
    otherwise: str = "use extra_body for parameters that the table does not declare",
    options: Collection[str] = (),
) -> TypeError:
    """Return the error for a call with unknown or missing arguments, worded as Python's own, with a suggestion.

    Args:
        function: the name of the function.
        unknown: arguments, among them those that it does not take.
        required: those that it must get, `omit` for a missing one.
        names: the names of all its parameters, which `unknown` may contain.
        otherwise: the hint if no parameter has a similar name.
        options: the options of the client, for which the error names `with_options`.
    """
    if wrong := next((name for name in unknown if name not in names), None):
        names = [name for name in (*names, "stream", *CALL_OPTIONS) if name != wrong]
        hint = _hint(wrong, names, options) or f"; {otherwise}"
        return TypeError(f"{function}() got an unexpected keyword argument '{wrong}'{hint}")
    missing = [repr(name) for name, value in required.items() if value is omit]
    many = "s" if len(missing) > 1 else ""
    return TypeError(f"{function}() missing {len(missing)} required argument{many}: {' and '.join(missing)}")


def _hint(wrong: str, names: list[str], options: Collection[str]) -> str:
    """Return the hint to an option of the client or to the nearest name, or an empty string if none is similar."""
    if wrong in options:  # some servers have a parameter of that name, too
        return f"; the client has this option: client.with_options({wrong}=...); to send a parameter, use extra_body"
    right = nearest(wrong, [*names, *options])
    if right in options and right not in names:
        return f". Did you mean the client's option '{right}'? Use client.with_options({right}=...)"
    return f". Did you mean '{right}'?" if right else ""


def document(operation: Operation, table: Table) -> Docstring:
    """Return the docstring of an operation's method."""
    row = operation.row
    text = f"{row.doc or operation.name}\n\n{row.method} {row.path}"
    text = text if row.deprecated is None else f"{text}\n\nDeprecated: {row.deprecated}"
    return with_arguments(text, table, operation.name)


def with_arguments(text: str, table: Table, path: str) -> Docstring:
    """Return a docstring to which the lines of the parameters of a call path are added when it is read."""

    def full() -> str:
        from oai._support.docs import section  # which programs that make calls do not need
        from oai._table.docs import parameter_docs

        return f"{text}\n\n{section('Args', parameter_docs(table, path))}".rstrip()

    return Docstring(text, full)
