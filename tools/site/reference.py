"""List the public names with the first lines of their docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from contextlib import suppress
from typing import Any

import oai

_ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)$", re.MULTILINE)
"""An argument and its description in a docstring."""

MODULES = ("oai", "oai.transports", "oai.testing", "oai.providers", "oai.auth")


def pages() -> dict[str, str]:
    """Return the Markdown pages by file name, without the suffix."""
    written = {module.replace(".", "-"): _page(module) for module in MODULES}
    index = ["# Reference", "", "The public names, by module.", "", "```{toctree}", ":maxdepth: 1", ""]
    written["options"] = _options()
    return {"index": "\n".join([*index, *written, "../types/index", "```"]), **written}


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


def _page(name: str) -> str:
    module = importlib.import_module(name)
    lines = [f"# {name}", "", (inspect.getdoc(module) or "").partition("\n")[0], ""]
    names = getattr(module, "__all__", None) or [each for each in dir(module) if each[0].isupper() or each == "serve"]
    for public in sorted(names, key=str.lower):
        value = getattr(module, public)
        if inspect.ismodule(value) or public.startswith("__"):
            continue
        lines += [f"## {public}", "", *_entry(public, value), ""]
    return "\n".join(lines)


class _Unquoted(str):
    """An annotation that is text, which a signature shows without quotes."""

    __slots__ = ()

    __repr__ = str.__str__


def _signature(value: Any) -> inspect.Signature:
    signature = inspect.signature(value)
    shown = [
        parameter.replace(annotation=_unquoted(parameter.annotation)) for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=shown, return_annotation=_unquoted(signature.return_annotation))


def _unquoted(annotation: Any) -> Any:
    return _Unquoted(annotation) if isinstance(annotation, str) else annotation


def _entry(name: str, value: Any) -> list[str]:
    lines: list[str] = []
    if isinstance(value, type) and issubclass(value, BaseException):
        lines.append(f"Exception, derived from `{value.__mro__[1].__name__}`.\n")
    elif callable(value):
        with suppress(TypeError, ValueError):  # some callables written in C have no signature
            lines.append(f"```py\n{name}{_signature(value)}\n```\n")
    else:
        lines.append(f"`{name} = {value!r}`\n")
    doc = inspect.getdoc(value) if callable(value) else None
    if doc:
        lines.append(f"```text\n{doc}\n```")
    return lines
