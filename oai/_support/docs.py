"""Read `docs.toml`, the descriptions of parameters and fields.

The lines are separate from the rows and the structs because a program that makes calls does not need them. This module
is imported when a docstring is read, and by the tools that write stubs and pages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from os.path import join
from typing import Any, Final

from oai._support.resources import DIRECTORY, read_data

DOCS: Final = join(DIRECTORY, "docs.toml")


@cache
def read_docs() -> dict[str, Any]:
    """Return the sections of the file."""
    return tomllib.loads(read_data(DOCS).decode())


def lines_of(section: str, path: str) -> dict[str, str] | None:
    """Return the lines below a header such as `types.chat.ChatCompletion`, `None` if there is no such header."""
    lines: Any = read_docs()[section]
    for part in path.split("."):
        lines = lines.get(part)
        if not isinstance(lines, dict):
            return None
    return {name: line for name, line in lines.items() if isinstance(line, str)}


def field_docs(module: str, name: str) -> dict[str, str]:
    """Return the lines for the fields of a struct of `oai.types`; empty if it has no header."""
    area = module.removeprefix("oai.types.").rpartition(".")[0]
    lines = lines_of("types", f"{area}.{name}")
    return {} if lines is None else {**read_docs()["fields"], **lines}


def struct_doc(kinds: Iterable[type], fields: Iterable[str], own: str | None) -> str | None:
    """Return the docstring of a struct, with the lines for those of its fields that it or a base describes."""
    docs: dict[str, str] = {}
    for kind in kinds:
        docs = {**field_docs(kind.__module__, kind.__name__), **docs}
    text = section("Attributes", {name: docs[name] for name in fields if name in docs})
    return f"{own or ''}\n\n{text}" if text else own


def section(title: str, lines: Mapping[str, str]) -> str:
    """Return lines as a section of a docstring; an empty string if there are none."""
    return "".join([f"{title}:", *(f"\n    {name}: {line}" for name, line in lines.items())]) if lines else ""
