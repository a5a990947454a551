"""Everything that a user of a package can name or notice, by introspection: a flat list of names, each with a text.

Read of the official SDK in its own process, and of `oai` by the same functions (`tools.generate.compare`):

- `OpenAI(timeout)`: a parameter and its default; `OpenAI.copy(timeout)`: one of a method; `OpenAI.copy`: a member.
- `lib.azure.AzureOpenAI`, `lib.azure`: names and modules that can be imported.
- `call:files.wait_for_processing(id)`: a parameter of a method that is no operation.
- `environ:OPENAI_API_KEY`, `header:Accept`, `retry:status 409`, `constant:DEFAULT_MAX_RETRIES`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, get_args, get_type_hints
from unittest import mock

from tools.generate.modules import ModuleFacts

Surface = dict[str, str]

CALL_OPTIONS = ("self", "cls", "extra_headers", "extra_query", "extra_body")

UNSET = ("None", "typing.Any", "NOT_GIVEN", "omit", "<openai.Omit", "Omit()", "not_given", "NotGiven()")
"""How a default begins that stands for an option that is not set."""

LEFT_OUT = ("types", "resources", "cli", "lib.streaming.agents")
"""Modules that are generated, which other comparisons cover, and the SDK's command line."""

STATUSES = (*range(300, 309), *range(400, 452), *range(500, 512), 520, 529, 599)

RETRY_HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"retry-after": "1"},
    {"retry-after": "0.5"},
    {"retry-after": "0"},
    {"retry-after": "-1"},
    {"retry-after": "120"},
    {"retry-after": "121"},
    {"retry-after": "soon"},
    {"retry-after-ms": "1500"},
    {"retry-after-ms": "120001"},
    {"retry-after-ms": "x", "retry-after": "2"},
    {"retry-after-ms": "100", "retry-after": "2"},
    {"x-should-retry": "true"},
    {"x-should-retry": "false"},
    {"x-should-retry": "maybe"},
    {"x-should-retry": "true", "retry-after": "121"},
)


def describe(name: str, value: Any) -> Surface:
    """Return what a user can name of a function or a class: parameters and members."""
    if inspect.isclass(value):
        return _class(name, value)
    return {name: "callable"} | _parameters(name, value) if callable(value) else {name: "value"}


def _class(name: str, cls: type) -> Surface:
    found = {name: "class"}
    first = next((vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)), object.__init__)
    found |= _parameters(name, first if inspect.isfunction(first) else cls, cls)
    for base in _own_bases(cls):
        for member, value in vars(base).items():
            if member[0] != "_" and f"{name}.{member}" not in found:
                found |= _member(f"{name}.{member}", value)
        for member in (*inspect.get_annotations(base), *_assigned(base)):
            if member[0] != "_":
                found.setdefault(f"{name}.{member}", "attribute")
    return found


def _assigned(cls: type) -> Iterator[str]:
    """Yield the attributes that a class's constructor assigns."""
    function = vars(cls).get("__init__")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name("self"), attr=name, ctx=ast.Store()):
                yield name


def _own_bases(cls: type) -> list[type]:
    """Return the classes of the same package that a class is made of."""
    root = cls.__module__.partition(".")[0]
    return [each for each in cls.__mro__ if each.__module__.partition(".")[0] == root]


def _member(name: str, value: Any) -> Surface:
    if isinstance(value, property | cached_property | functools.cached_property):
        return {name: "attribute"}
    function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
    if inspect.isfunction(function):
        return {name: "method"} | _parameters(name, function)
    return {name: "attribute"}


def _parameters(name: str, function: Any, cls: type | None = None) -> Surface:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    found: Surface = {}
    for each in parameters.values():
        if each.name in CALL_OPTIONS or (each.name[0] == "_" and each.name != "_strict_response_validation"):
            continue
        if each.kind is each.VAR_KEYWORD:
            found |= _keywords(name, function, cls, each.name)
        elif each.kind is not each.VAR_POSITIONAL:
            found[f"{name}({each.name})"] = default_of(each)
    return found


def _keywords(name: str, function: Any, cls: type | None, keyword: str) -> Surface:
    """Return the parameters that `**options` takes: those of its TypedDict, else those of the class below."""
    try:
        options = get_type_hints(function).get(keyword)
    except (NameError, TypeError):
        options = None
    options = next(iter(get_args(options)), options)
    if fields := getattr(options, "__annotations__", None):
        return {f"{name}({each})": "unset" for each in fields}
    bases = [each for each in cls.__mro__ if "__init__" in vars(each) and each is not object] if cls else []
    below = bases[[vars(each)["__init__"] for each in bases].index(function) + 1 :] if bases else []
    return _parameters(name, vars(below[0])["__init__"], cls) if below else {f"{name}(**)": "unset"}


def default_of(parameter: inspect.Parameter) -> str:
    """Return the text of a parameter's default: `unset` for all that mean so."""
    if parameter.default is parameter.empty:
        return "required"
    text = repr(parameter.default)
    if text.startswith(UNSET):
        return "unset"
    return "object" if " at 0x" in text or text.startswith("<") else text


def is_public(module: str) -> bool:
    """Return whether a module, named below its package, is compared name by name."""
    parts = module.split(".")
    return not any(part[0] == "_" for part in parts if part) and not f"{module}.".startswith(
        tuple(f"{each}." for each in LEFT_OUT)
    )


def read_official(modules: Mapping[str, ModuleFacts], helpers: Mapping[str, str]) -> Surface:
    """Read the official SDK."""
    import importlib

    import openai

    found: Surface = {}
    for name in openai.__all__:
        found |= {f"all:{name}": "name"} | describe(name, getattr(openai, name))
    for module in modules.values():
        path = module.name.removeprefix("openai").removeprefix(".")
        if path and module.values and not any(part[0] == "_" for part in path.split(".")):
            found[f"module:{path}"] = "module"
        if path and is_public(path):
            source = importlib.import_module(module.name)
            names = module.listed or [each for each in module.defined if each[0] != "_"]
            for name in names:
                if name in module.values and name[0] != "_":
                    found |= {
                        f"name:{key}": text for key, text in describe(f"{path}.{name}", getattr(source, name)).items()
                    }
    for is_async, client in ((False, openai.OpenAI(api_key="k")), (True, openai.AsyncOpenAI(api_key="k"))):
        for path in helpers:
            found |= call(path, client, is_async=is_async)
    found |= {f"environ:{name}": "read" for module in modules.values() for name in module.environ}
    made = openai.OpenAI(api_key="k", organization="o", project="p")
    found |= {f"header:{name}": "sent" for name, value in made.default_headers.items() if isinstance(value, str)}
    return found | _official_rules(made)


def call(path: str, client: Any, *, is_async: bool) -> Surface:
    """Return the parameters of a method by its call path; nothing if the client does not have it."""
    value = client
    for part in path.split("."):
        value = getattr(value, part, None)
    prefix = "async call" if is_async else "call"
    return {} if value is None else {f"{prefix}:{path}": "method"} | _parameters(f"{prefix}:{path}", value)


def _official_rules(client: Any) -> Surface:
    """Return the rules of retries, as they come out for statuses and header fields, and the defaults."""
    import httpx2
    from openai import _constants
    from openai._models import FinalRequestOptions

    options = FinalRequestOptions.construct(method="get", url="/", max_retries=10)

    def retried(status: int, headers: Mapping[str, str]) -> bool:
        return bool(client._should_retry(httpx2.Response(status, headers=headers)))

    def delay(attempt: int, headers: Mapping[str, str]) -> float:
        with mock.patch("openai._base_client.random", return_value=0.0):
            return float(client._calculate_retry_timeout(10 - attempt, options, httpx2.Headers(headers)))

    timeout = _constants.DEFAULT_TIMEOUT
    return rules(retried, delay) | {
        "constant:DEFAULT_MAX_RETRIES": str(_constants.DEFAULT_MAX_RETRIES),
        "constant:DEFAULT_TIMEOUT": seconds(timeout),
    }


def seconds(timeout: Any) -> str:
    """Return the parts of a timeout."""
    return ", ".join(f"{part} {float(getattr(timeout, part))}" for part in ("connect", "read", "write", "pool"))


def rules(retried: Any, delay: Any) -> Surface:
    """Return the rules of retries as a table of cases."""
    found = {f"retry:status {status}": str(retried(status, {})) for status in STATUSES}
    for headers in RETRY_HEADERS:
        case = ", ".join(f"{name}: {value}" for name, value in headers.items()) or "no header"
        found[f"retry:400 with {case}"] = str(retried(400, headers))
        found[f"retry:429 with {case}"] = str(retried(429, headers))
        found[f"retry:delay with {case}"] = f"{delay(0, headers):.3f}"
    return found | {f"retry:delay {attempt}": f"{delay(attempt, {}):.3f}" for attempt in range(8)}
