"""The source of a method: what `_surface.namespaces` compiles for a row or a helper, and what the source calls.

A function has the exact signature of its row, so that Python itself checks the call, and passes its parameters on
sorted into path, query and body. Names of its own begin with an underscore, as no parameter's may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from oai._support.omit import omit
from oai._support.suggest import nearest
from oai._table.operation import GENERATED, Operation
from oai._table.rows import CALL_OPTIONS

if TYPE_CHECKING:
    from oai._table.rows import HelperRow, Row
    from oai._table.websocket_row import WebSocketRow

OPTION_SOURCE = (
    "extra_headers: 'Mapping[str, str]' = None",
    "extra_query: 'Mapping[str, Any]' = None",
    "extra_body: 'Mapping[str, Any]' = None",
    "timeout: 'float | Timeout | None' = _omit",
)


def operation_source(name: str, row: Row, positional: list[str], call: tuple[str, str]) -> Iterator[str]:
    """Write the function of an operation. Names of its own begin with an underscore, as no parameter may.

    `call` is what the function begins with, and what it passes its arguments to: the two words in which sync and
    async differ.
    """
    params = row.params or {}
    path_params = row.path_params
    names = [*path_params, *params]
    signature = ["self", *(_parameter(param, params) for param in positional), "*"]
    signature += [_parameter(param, params) for param in names if param not in positional]
    signature += [_parameter(param, row.local) for param in row.local]
    may_stream = row.stream is not None and not row.stream_only and "stream" not in params
    if may_stream:
        signature.append("stream: 'bool' = _omit")
    signature += OPTION_SOURCE
    signature.append("**_unknown" if row.params is not None else "**params: 'Any'")
    yield f"{call[0]}def {name}({', '.join(signature)}) -> {row.response!r}:"
    required = required_params(row)
    wrong = [*(["_unknown"] if row.params is not None else []), *(f"{param} is _omit" for param in required)]
    if wrong:
        unknown = "_unknown" if row.params is not None else "{}"
        given = "{" + ", ".join(f"{param!r}: {param}" for param in required) + "}"
        yield f"    if {' or '.join(wrong)}:"
        yield f"        raise _wrong_call({name!r}, {unknown}, {given}, {[*names, *row.local]!r})"
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
    """Write the method of a helper: it passes on what was given, and the options of a call where it makes one."""
    options = CALL_OPTIONS if helper.extends is not None else ()
    named = [_parameter(param, params) for param in params if param not in positional]
    named += OPTION_SOURCE if options else ()
    signature = ["self", *(_parameter(param, params) for param in positional), *(["*"] if named else []), *named]
    signature.append("**_unknown")
    yield f"{prefix}def {name}({', '.join(signature)}) -> {helper.response!r}:"
    required = [param for param, kind in params.items() if not kind.endswith("?")]
    wrong = ["_unknown", *(f"{param} is _omit" for param in required)]
    given = "{" + ", ".join(f"{param!r}: {param}" for param in required) + "}"
    yield f"    if {' or '.join(wrong)}:"
    yield f"        raise _wrong_call({name!r}, _unknown, {given}, {list(params)!r})"
    yield f"    _given = {given}"
    for param in params:
        if param not in required:
            yield f"    if {param} is not _omit: _given[{param!r}] = {param}"
    for option in options:
        yield f"    if {option} is not {'_omit' if option == 'timeout' else None}: _given[{option!r}] = {option}"
    yield f"    return {call}"


def event_source(prefix: str, name: str, event: str, params: Mapping[str, str], send: str) -> Iterator[str]:
    """Write the method that sends an event over a WebSocket; what was not given is left out of it."""
    required = [param for param, kind in params.items() if not kind.endswith("?")]
    listed = [*required, *(param for param in params if param not in required)]
    signature = ["self", *(["*"] if params else []), *(_parameter(param, params) for param in listed), "**_unknown"]
    yield f"{prefix}def {name}({', '.join(signature)}) -> None:"
    given = "{" + ", ".join(f"{param!r}: {param}" for param in required) + "}"
    yield f"    if {' or '.join(['_unknown', *(f'{param} is _omit' for param in required)])}:"
    yield f"        raise _wrong_call({name!r}, _unknown, {given}, {listed!r}, 'send(...) takes any event')"
    fields = "".join(f", {param!r}: {param}" for param in params)
    yield f"    return {send}({{'type': {event!r}{fields}}})"


def _stream_argument(row: Row) -> str:
    """Write what tells whether the answer is to be read as a stream."""
    if row.stream is None:
        return "None"
    if row.stream_only:
        return "True"
    return "stream"


def required_params(row: Row) -> list[str]:
    params = row.params or {}
    return [*row.path_params, *(param for param, kind in params.items() if not kind.endswith("?"))]


def _parameter(name: str, params: Mapping[str, str]) -> str:
    """Write a parameter. Required ones get a default as well, for the function to name what is missing.

    Its annotation is text, of which the compiler makes nothing: types are looked up when somebody asks for them.
    """
    expression = params.get(name, "str")
    return f"{name}: {expression.removesuffix('?')!r} = _omit"


def _collect(
    target: str, names: list[str], row: Row, *, needed: str | None, kinds: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Write the lines that gather parameters into a dict under their wire names, `None` where nobody needs one."""
    params = kinds or row.params or {}
    if not names and target != needed:
        yield f"    {target} = None"
        return
    required = [name for name in names if not params[name].endswith("?")]
    yield f"    {target} = {{{', '.join(f'{row.rename.get(name, name)!r}: {name}' for name in required)}}}"
    for name in names:
        if name not in required:
            yield f"    if {name} is not _omit: {target}[{row.rename.get(name, name)!r}] = {name}"


def overload(name: str, first: str, without: FunctionType, given: FunctionType) -> FunctionType:
    """Make one function of two: called without `first` it is `without`, called with it `given`."""
    import inspect  # as in `make_function`

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
    function = make_function(name, f"{GENERATED}alias {name}>", source, scope, [])
    function.__qualname__ = name
    function.__doc__ = f"Without `{first}`: {without.__doc__}\n\nWith `{first}`: {given.__doc__}"
    return function


def make_function(name: str, filename: str, source: str, scope: dict[str, Any], required: list[str]) -> FunctionType:
    """Compile a function, keep its source for tracebacks, and give it the signature that people should see."""
    import inspect  # a large module, which a program needs with its first method

    scope["__name__"] = "oai"
    filename = _keep_source(filename, source)
    exec(compile(source, filename, "exec", dont_inherit=True), scope)  # noqa: S102 - of a checked row
    function: FunctionType = scope[name]
    signature = inspect.signature(function)
    shown = [
        each.replace(default=inspect.Parameter.empty) if each.name in required else each
        for each in signature.parameters.values()
        if each.name != "_unknown"
    ]
    function.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return function


def _keep_source(filename: str, source: str) -> str:
    """Keep a source for tracebacks, under a name that no other source has: tables may differ in a row."""
    import linecache

    lines = source.splitlines(keepends=True)
    name, number = filename, 1
    while linecache.getlines(name) not in ([], lines):
        number += 1
        name = f"{filename[:-1]}, {number}>"
    linecache.cache[name] = (len(source), None, lines, name)
    return name


def with_headers(given: Mapping[str, object], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters that ride in headers as header fields, lists joined by commas, the caller's own on top."""
    fields = {name: value for name, value in given.items() if value is not omit}
    texts = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in fields.items()}
    return {**texts, **(extra or {})}


def wrong_call(
    function: str,
    unknown: Mapping[str, object],
    required: Mapping[str, object],
    names: list[str],
    otherwise: str = "what the table does not declare goes in extra_body",
) -> TypeError:
    """Make the error for a call that does not fit: in Python's words, and with the nearest right name."""
    if unknown:
        wrong = next(iter(unknown))
        right = nearest(wrong, [*names, "stream", *CALL_OPTIONS])
        hint = f". Did you mean '{right}'?" if right else f"; {otherwise}"
        return TypeError(f"{function}() got an unexpected keyword argument '{wrong}'{hint}")
    missing = [repr(name) for name, value in required.items() if value is omit]
    many = "s" if len(missing) > 1 else ""
    return TypeError(f"{function}() missing {len(missing)} required argument{many}: {' and '.join(missing)}")


def document(operation: Operation) -> str:
    row = operation.row
    text = f"{row.doc or operation.name}\n\n{row.method} {row.path}"
    return text if row.deprecated is None else f"{text}\n\nDeprecated: {row.deprecated}"
