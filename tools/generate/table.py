"""The table as the tools read and extend it: rows by call path, and which rows answer to a method and a path."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from oai._table import read
from oai._table.rows import Row
from oai._table.table import Table
from oai._table.write import to_toml
from tools.generate.pin import ROOT

TABLE = ROOT / "oai" / "endpoints.toml"
SPECIFICATION = ROOT.parent / "shared" / "api" / "openapi.json"
"""The published specification, if it lies next to the checkout."""


def read_table(path: Path = TABLE) -> Table:
    """Return a table, checked."""
    return read.read_table(path)


def add_rows(rows: Mapping[str, Mapping[str, Any]], path: Path = TABLE) -> list[str]:
    """Write the rows that a table lacks at its end, leaving what is there as it is; return their call paths."""
    table = read_table(path) if path.exists() else Table({})
    missing = {name: row for name, row in rows.items() if name not in table and name not in table.helpers}
    if missing:
        before = path.read_text() if path.exists() else ""
        path.write_text("\n".join(filter(None, [before, to_toml(missing)])))
    return list(missing)


def place(method: str, path: str) -> tuple[str, str]:
    """Return what tells one operation from another on the wire: what a placeholder is called does not matter."""
    return method, re.sub(r"\{[^}]*\}", "{}", path)


def by_place(table: Mapping[str, Row]) -> dict[tuple[str, str], list[str]]:
    """Return the call paths of the rows by method and path; two may share one."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, row in table.items():
        found[place(row.method, row.path)].append(name)
    return dict(found)


def wire_names(row: Row, params: Iterable[str]) -> dict[str, str]:
    """Return parameters by the names that they have on the wire."""
    return {row.rename.get(name, name): name for name in params}
