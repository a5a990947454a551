"""`python -m tools.generate check`: compare the table, the types and the stubs with their sources.

The sources are the installed official SDK and the published specification, or another OpenAPI document. Each difference
that `exceptions.toml` does not excuse is printed on a line of its own.
"""

from __future__ import annotations

import filecmp
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from oai._openapi.document import Document
from tools.generate.drift import (
    FILES,
    OFFICIAL,
    SPECIFICATION,
    Difference,
    against_document,
    against_official,
    against_sockets,
)
from tools.generate.exceptions import Exceptions
from tools.generate.facts import Reader
from tools.generate.operations import read_operations
from tools.generate.plan import Plan
from tools.generate.sockets import read_sockets
from tools.generate.table import ROOT, read_table
from tools.generate.write_rows import Rows, wanted
from tools.generate.write_stubs import write_stubs
from tools.generate.write_types import BY_HAND, write_types

WRITTEN = {".py", ".pyi", ".txt"}


def differences(document: Document | None, package: Path = ROOT / "oai") -> tuple[list[Difference], list[str]]:
    """Return the differences without an exception, and the errors in the list of exceptions.

    Args:
        document: the specification to compare with, if there is one.
        package: where the generated types and stubs lie.
    """
    exceptions = Exceptions.load()
    table = read_table()
    plan, rows, sockets, helpers = _official()
    found = [*against_official(table, rows), *against_sockets(table.helpers, sockets)]
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        write_types(fresh / "types", plan.facts, plan)
        write_stubs(fresh / "_typed")
        for part in ("types", "_typed"):
            found += _files(package, fresh, part)
    sources = [OFFICIAL]
    if document is not None:
        found += against_document(table, document)
        sources.append(SPECIFICATION)
    left, complaints = exceptions.sift(found, sources)
    complaints += [
        f"missing  {OFFICIAL:<13}  [{name}] is neither a row nor a helper with a reason"
        for name in helpers.keys() - exceptions.helpers.keys() - table.helpers.keys()
    ]
    complaints += [
        f"stale    {OFFICIAL:<13}  helper {name}: excused, but the table has it"
        for name in exceptions.helpers.keys() & table.helpers.keys()
    ]
    complaints += [
        f"stale    {OFFICIAL:<13}  helper {name}: the SDK does not have it"
        for name in exceptions.helpers.keys() - helpers.keys()
    ]
    return left, sorted(complaints)


@cache
def _official() -> tuple[Plan, dict[str, dict[str, Any]], dict[str, dict[str, Any]], dict[str, str]]:
    """Return what the installed SDK says: the plan of the types, rows and WebSockets by call path, and the helpers."""
    reader = Reader()
    facts = reader.read()
    operations, helpers = read_operations(reader)
    sockets = read_sockets(reader)
    plan = Plan(facts, wanted(operations, sockets))
    rows = Rows(plan)
    opened = {each.name: rows.socket(each) for each in sockets}
    return plan, {each.name: rows.row(each) for each in operations}, opened, helpers


def _files(ours: Path, fresh: Path, part: str) -> Iterator[Difference]:
    """Compare two directories of generated modules, byte by byte."""
    names = [
        {each.relative_to(root) for each in (root / part).rglob("*.*") if each.suffix in WRITTEN}
        for root in (ours, fresh)
    ]
    for name in sorted(names[0] | names[1]):
        if name.relative_to(part) in BY_HAND:
            continue
        if name not in names[0]:
            yield Difference(FILES, "missing", str(name))
        elif name not in names[1]:
            yield Difference(FILES, "gone", str(name))
        elif not filecmp.cmp(ours / name, fresh / name, shallow=False):
            yield Difference(FILES, "changed", str(name), "", "edited or out of date", "regenerate it")


def check(document: Document | None) -> int:
    """Print what differs; return the exit status."""
    left, complaints = differences(document)
    for line in [*map(str, left), *complaints]:
        print(line)
    if not left and not complaints:
        print("the table, the types and the stubs match their sources")
    return 1 if left or complaints else 0
