"""`python -m tools.generate types|rows`: write what is generated from the official SDK that is installed."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

from tools.generate.facts import Reader
from tools.generate.operations import read_operations
from tools.generate.plan import Plan
from tools.generate.write_rows import Rows, to_toml, wanted
from tools.generate.write_types import write_types

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "oai" / "endpoints.toml"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("what", choices=["types", "rows"], help="oai/types, or the rows that the table lacks")
    arguments = parser.parse_args()
    reader = Reader()
    facts = reader.read()
    operations, _ = read_operations(reader)
    plan = Plan(facts, wanted(operations))
    if arguments.what == "types":
        print(write_types(ROOT / "oai" / "types", facts, plan), "files written")
        return
    text = TABLE.read_text() if TABLE.exists() else ""
    known = _names(tomllib.loads(text))
    rows = Rows(plan)
    missing = {each.name: rows.row(each) for each in operations if each.name not in known}
    TABLE.write_text(
        "\n".join(filter(None, [text.rstrip("\n"), "", to_toml(missing).rstrip("\n")])).lstrip("\n") + "\n"
    )
    print(len(missing), "rows added")


def _names(document: dict[str, object], prefix: str = "") -> set[str]:
    found = set()
    for key, value in document.items():
        if isinstance(value, dict):
            found |= {f"{prefix}{key}"} if "method" in value else _names(value, f"{prefix}{key}.")
    return found


main()
