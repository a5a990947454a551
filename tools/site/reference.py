"""Describe the public names by their signatures and docstrings: one Markdown page for each module."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from textwrap import indent
from typing import Any

import oai
from oai._table.type_expressions import resolve
from tools.site.docstrings import as_markdown
from tools.site.signatures import members, signature_of
from tools.site.types import anchor

_ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)$", re.MULTILINE)
"""An argument and its description in a docstring."""

MODULES = (
    "oai",
    "oai.transports",
    "oai.testing",
    "oai.providers",
    "oai.auth",
    "oai.otel",
    "oai.as_openai",
    "oai.helpers",
    "oai.lib.browser",
    "oai.lib.browser",
    "oai.lib.computer",
    "oai.lib.decisions_tool_runner",
    "oai.lib.live",
    "oai.lib.realtime_translation",
    "oai.lib.responses_tool_runner",
    "oai.lib.responses_websocket",
    "oai.lib.tool_diagnostics",
    "oai.lib.beta.agents",
    "oai.pagination",
    "oai.version",
)
"""The public modules, except `oai.types` and `oai.resources`, whose pages are those of the types and the operations."""

RETURNED = {
    "oai": (
        "oai.helpers.bulk.batch.Batch",
        "oai.helpers.structured.run_tools.ToolRun",
        "oai.helpers.streaming.chat.ChatCompletionStream",
        "oai.helpers.streaming.responses.ResponseStream",
    ),
    "oai.transports": (
        "oai._fake.paths.FakeOperation",
        "oai._fake.calls.Call",
        "oai._fake.calls.Calls",
        "oai._metering.ledger.UsageRow",
    ),
}
"""Classes whose objects programs use but do not construct, by the module on whose page they are described."""

DESCRIBED_IN = {"oai.lib.responses_websocket": "oai.lib._response_lanes"}
"""Modules that are made when they are imported, and the packages whose docstrings describe them."""

GROUPS = ("Classes", "Functions", "Exceptions", "Other names")


def pages() -> dict[str, str]:
    """Return the Markdown pages by file name, without the suffix."""
    homes = _homes()
    written = {file_name(module): "\n".join(_page(module, homes)) for module in MODULES}
    index = ["# Reference", "", "The public names, by module.", "", "| module | |", "|---|---|"]
    index += [f"| [{module}]({file_name(module)}.md) | {_description(module).splitlines()[0]} |" for module in MODULES]
    index += [
        "| [oai.types](../types/index.md) | The structs that operations return, by package. |",
        "| `oai.resources` | The classes of `client.chat` and the other [operations](../operations/index.md). |",
        "",
        "[Options of a client](options.md) describes the arguments of `OpenAI` and `AsyncOpenAI`. Other modules of the",
        "official SDK, such as `oai.lib.azure` and `oai.lib.streaming`, are further import paths of these names.",
    ]
    written["options"] = _options()
    contents = ["", "```{toctree}", ":hidden:", "", *written, "../types/index", "```", ""]
    return {"index": "\n".join([*index, *contents]), **written}


def _homes() -> dict[int, tuple[str, str]]:
    """Return the module and the name under which each class and function is described, by its id.

    A name of `oai` that another module has, too, is described there; of two names of an object, its own counts.
    """
    homes: dict[int, tuple[str, str]] = {}
    for module in (*MODULES[1:], MODULES[0]):
        names = sorted(public_names(module), key=lambda pair: pair[0] != getattr(pair[1], "__name__", None))
        for name, value in names:
            if isinstance(value, type) or inspect.isroutine(value):
                homes.setdefault(id(value), (module, name))
    return homes


def _target(module: str, name: str) -> str:
    """Return the anchor of a name, which must differ from those of names that differ only in case: `omit`, `Omit`."""
    same = [other for other, _ in public_names(module) if anchor(other) == anchor(name)]
    return anchor(f"{module} {name}") + "-again" * same.index(name)


def file_name(module: str) -> str:
    """Return the name of a module's page, without the suffix."""
    return module.replace(".", "-")


def public_names(module: str) -> list[tuple[str, Any]]:
    """Return the public names of a module and their values, in alphabetical order."""
    imported = importlib.import_module(module)
    names = sorted(imported.__all__, key=str.lower)
    return [(name, value) for name in names if not inspect.ismodule(value := getattr(imported, name))]


def _options() -> str:
    """Return the page of the constructor's arguments, from its signature and documentation."""
    lines = ["# Options of a client", "", "| option | |", "|---|---|"]
    documents = dict(_ARGUMENT.findall(inspect.getdoc(oai.OpenAI.__init__) or ""))
    for name, parameter in inspect.signature(oai.OpenAI.__init__).parameters.items():
        if name in documents:
            takes = str(parameter.annotation).replace("|", "\\|")
            default = "" if parameter.default in (None, parameter.empty) else f", default `{parameter.default!r}`"
            lines.append(f"| `{name}` | {' '.join(documents[name].split())}<br>`{takes}`{default} |")
    return "\n".join([*lines, ""])


def _page(module: str, homes: dict[int, tuple[str, str]]) -> Iterator[str]:
    yield f"# {module}"
    yield ""
    yield as_markdown(_description(module))
    yield ""
    groups: dict[str, list[tuple[str, Any]]] = {group: [] for group in GROUPS}
    for name, value in public_names(module):
        groups[_group(value)].append((name, value))
    for group, entries in groups.items():
        if entries:
            yield f"## {group}"
            yield ""
        for name, value in entries:
            yield f"({_target(module, name)})="
            yield f"### {name}"
            yield ""
            home, original = homes.get(id(value), (module, name))
            if home != module:
                yield f"See [{home}.{original}]({file_name(home)}.md#{_target(home, original)})."
            elif original != name:
                yield f"Another name of [{original}](#{_target(home, original)})."
            else:
                yield from _entry(name, value)
            yield ""
    if module in RETURNED:
        yield "## Objects that calls return"
        yield ""
    for path in RETURNED.get(module, ()):
        value = resolve(path)
        yield f"### {value.__name__}"
        yield ""
        yield as_markdown(own_doc(value))
        yield ""
        yield from _members(value)
        yield ""


def _group(value: Any) -> str:
    if isinstance(value, type):
        return "Exceptions" if issubclass(value, BaseException) else "Classes"
    return "Functions" if inspect.isroutine(value) else "Other names"


def _entry(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, type) and issubclass(value, BaseException):
        yield f"Derived from `{value.__mro__[1].__name__}`.\n"
    elif not isinstance(value, type) and not inspect.isroutine(value):
        yield f"```py\n{name} = {value!r}\n```\n"
        return
    elif signature := signature_of(name, value):
        yield f"```py\n{signature}\n```\n"
    yield as_markdown(own_doc(value))
    if isinstance(value, type):
        yield ""
        yield from _members(value)


def own_doc(value: Any) -> str:
    """Return the docstring of a value; none for one that is only inherited from a class of Python."""
    doc = inspect.getdoc(value) or ""
    return "" if isinstance(value, type) and doc in (inspect.getdoc(dict), inspect.getdoc(tuple)) else doc


def _members(cls: type) -> Iterator[str]:
    for name, function, is_property in members(cls):
        shown = None if is_property else signature_of(name, function, width=None)
        yield f"`{shown or name}`"
        yield f": {indent(as_markdown(inspect.getdoc(function) or ''), '  ').lstrip()}"
        yield ""


def _description(module: str) -> str:
    return inspect.getdoc(importlib.import_module(DESCRIBED_IN.get(module, module))) or ""
