"""`python -m tools.generate check`: compare the table, the types and the stubs with their sources.

The sources are the installed official SDK and the published specification, or another OpenAPI document. Each difference
that `exceptions.toml` does not excuse is printed on a line of its own.
"""

from __future__ import annotations

import filecmp
import tempfile
from collections.abc import Iterator
from pathlib import Path

from oai._openapi.document import Document
from tools.generate.compare import SURFACE, against_surface
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
from tools.generate.generated import Generated, of_installed
from tools.generate.pin import ROOT
from tools.generate.table import read_table
from tools.generate.write_nulls import FILE, kept_nulls, source
from tools.generate.write_stubs import write_stubs
from tools.generate.write_types import BY_HAND

WRITTEN = {".py", ".pyi", ".txt"}


def differences(
    document: Document | None, package: Path = ROOT / "oai", generated: Generated | None = None
) -> tuple[list[Difference], list[str]]:
    """Return the differences without an exception, and the errors in the list of exceptions.

    Args:
        document: the specification to compare with, if there is one.
        package: where the generated types and stubs lie.
        generated: what the SDK's facts become; by default those of the installed SDK, which must be the pinned one.
    """
    exceptions = Exceptions.load()
    table = read_table()
    generated = generated or of_installed()
    helpers = generated.sdk.helpers
    found = [*against_official(table, generated.rows), *against_sockets(table.helpers, generated.sockets)]
    found += against_surface(generated.sdk)
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        generated.write_types(fresh / "types")
        write_stubs(fresh / "_typed")
        for part in ("types", "_typed"):
            found += _files(package, fresh, part)
    sources = [OFFICIAL, SURFACE]
    if document is not None:
        found += against_document(table, document)
        if FILE.read_text() != source(kept_nulls(document)):
            name = str(FILE.relative_to(ROOT))
            found.append(Difference(FILES, "changed", name, "", "edited or out of date", "regenerate it"))
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


def check(document: Document | None, generated: Generated | None = None) -> int:
    """Print what differs; return the exit status."""
    left, complaints = differences(document, generated=generated)
    for line in [*map(str, left), *complaints]:
        print(line)
    if not left and not complaints:
        print("the table, the types and the stubs match their sources")
    return 1 if left or complaints else 0
