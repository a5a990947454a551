"""`python -m tools.generate types|names|rows|stubs|check [openapi.json]`: update generated files, or compare them.

`types` writes `oai/types` from the installed official SDK, and `names` what the names of its other modules are here.
`rows` adds missing operations to `oai/endpoints.toml`, including those of an OpenAPI document if one is passed, and
does not change existing rows. `stubs` writes `oai/_typed` from the table. `check` writes nothing and exits with 1 if
something differs that `exceptions.toml` does not excuse; by default it reads the published specification next to the
repository, if there is one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from oai._openapi.document import Document
from oai._openapi.rows import import_document
from oai._table.load import load_table
from tools.generate.check import check
from tools.generate.facts import Reader
from tools.generate.operations import read_operations
from tools.generate.plan import Plan
from tools.generate.sockets import read_sockets
from tools.generate.table import ROOT, SPECIFICATION, TABLE, add_rows, by_place, place, read_table
from tools.generate.write_names import write_names
from tools.generate.write_rows import Rows, wanted
from tools.generate.write_stubs import write_stubs
from tools.generate.write_types import write_types


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.generate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["types", "names", "rows", "stubs", "check"])
    parser.add_argument("document", nargs="?", type=Path, help="an OpenAPI 3 document in JSON")
    arguments = parser.parse_args()
    path = arguments.document
    if arguments.what == "check":
        path = path or (SPECIFICATION if SPECIFICATION.exists() else None)
        print(f"the specification is {path}" if path else f"no specification: there is no {SPECIFICATION}")
        return check(Document.parse(path.read_bytes()) if path else None)
    if arguments.what == "stubs":
        print(write_stubs(ROOT / "oai" / "_typed"), "files written")
        return 0
    if arguments.what == "names":
        print(*(f"{package}: {count} modules" for package, count in write_names(ROOT / "oai").items()), sep="\n")
        return 0
    reader = Reader()
    facts = reader.read()
    operations, _ = read_operations(reader)
    sockets = read_sockets(reader)
    plan = Plan(facts, wanted(operations, sockets))
    if arguments.what == "types":
        print(write_types(ROOT / "oai" / "types", facts, plan), "files written")
        return 0
    rows = Rows(plan)
    added = add_rows({each.name: rows.row(each) for each in operations})
    added += add_rows({each.name: rows.socket(each) for each in sockets})
    if path:
        known = by_place(read_table())
        made = import_document(Document.parse(path.read_bytes()), table=load_table(TABLE)).rows
        added += add_rows({name: row for name, row in made.items() if place(row["method"], row["path"]) not in known})
    print(len(added), "rows added", *added)
    return 0


sys.exit(main())
