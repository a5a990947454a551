"""Update generated files from the official SDK, or compare them with it.

`update [VERSION]` brings everything to the newest version of the official SDK, or to a named one, and prints a report.

The others read the installed SDK, which must be the pinned version. `types` writes `oai/types`, and `names` what the
names of its other modules are here. `rows` adds missing operations to `oai/endpoints.toml`, including those of an
OpenAPI document if one is passed, and does not change existing rows. `unknown` replaces types of the table that are no
more by `Any`. `stubs` writes `oai/_typed` from the table, and `nulls` `oai/_json/kept_nulls.py` from the published
specification. `check` writes nothing and exits with 1 if something differs that `exceptions.toml` does not excuse; by
default it reads the specification next to the repository, if there is one. `facts` writes what the installed SDK
declares to a file: reading it takes longest, and `--facts FILE` saves it.
"""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from oai._openapi.document import Document
from oai._openapi.rows import import_document
from oai._table.load import load_table
from oai._table.websocket_row import SOCKET_OPTIONS
from tools.generate.check import check
from tools.generate.generated import Generated, of_file, of_installed
from tools.generate.official_stubs import PACKAGES, write_official_stubs
from tools.generate.pin import ROOT, check_installed
from tools.generate.sdk import dump
from tools.generate.table import SPECIFICATION, TABLE, add_rows, by_place, place, read_table
from tools.generate.update import unknown_types, update
from tools.generate.write_nulls import write_nulls
from tools.generate.write_stubs import write_resources, write_stubs


def main() -> int:
    """Run the command line; return the exit status."""
    gc.set_threshold(1_000_000)  # almost all that is read is kept, and was searched again and again
    parser = argparse.ArgumentParser(
        prog="python -m tools.generate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    command = commands.add_parser("update", help="bring everything to a version of the official SDK")
    command.add_argument("version", nargs="?", help="by default the newest")
    command.add_argument("--report", type=Path, help="where to write the report, as Markdown")
    command.add_argument("--unchecked", action="store_true", help="do without the comparison at the end")
    command = commands.add_parser("facts", help="write the facts of the installed version to a file")
    command.add_argument("file", type=Path)
    for name in ("types", "names", "rows", "stubs", "nulls", "check", "unknown"):
        command = commands.add_parser(name)
        command.add_argument("--facts", type=Path, help="facts of a version, instead of the installed one's")
        if name in ("rows", "nulls", "check"):
            command.add_argument("document", nargs="?", type=Path, help="an OpenAPI 3 document in JSON")
    arguments = parser.parse_args()
    if arguments.what == "update":
        return update(arguments.version, arguments.report, checked=not arguments.unchecked)
    if arguments.what == "facts":
        check_installed()
        dump(str(arguments.file), *SOCKET_OPTIONS)
        return 0
    if arguments.what == "stubs":
        oai = ROOT / "oai"
        official = sum(write_official_stubs(oai / package) for package in PACKAGES)
        print(write_stubs(oai / "_typed") + write_resources(oai / "resources") + official, "files written")
        return 0
    if arguments.what == "nulls":
        print(write_nulls(Document.parse((arguments.document or SPECIFICATION).read_bytes())), "classes written")
        return 0
    if arguments.what == "unknown":
        print(*unknown_types(), sep="\n")
        return 0
    generated = of_file(arguments.facts) if arguments.facts else of_installed()
    if arguments.what == "check":
        path = arguments.document or (SPECIFICATION if SPECIFICATION.exists() else None)
        print(f"the specification is {path}" if path else f"no specification: there is no {SPECIFICATION}")
        return check(Document.parse(path.read_bytes()) if path else None, generated)
    if arguments.what == "names":
        written = generated.names.write(ROOT / "oai")
        print(*(f"{package}: {count} modules" for package, count in written.items()), sep="\n")
        return 0
    if arguments.what == "types":
        print(generated.write_types(), "files written")
        return 0
    return _rows(generated, arguments.document)


def _rows(generated: Generated, path: Path | None) -> int:
    added = add_rows({**generated.rows, **generated.sockets})
    if path:
        known = by_place(read_table())
        made = import_document(Document.parse(path.read_bytes()), table=load_table(TABLE)).rows
        added += add_rows({name: row for name, row in made.items() if place(row["method"], row["path"]) not in known})
    print(len(added), "rows added", *added)
    return 0


if __name__ == "__main__":
    sys.exit(main())
