"""`oai providers`: print the services that `--provider` selects. Nothing is sent."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oai._cli.terminal import WIDE, print_line, print_table, width
from oai._table.providers import all_providers, find_provider

if TYPE_CHECKING:
    from oai._table.providers import ProviderRow


def list_providers(options: argparse.Namespace, command: str, words: list[str]) -> int:  # noqa: ARG001
    """Print all providers, one on a line; with names, what is known of these."""
    for name in words:
        for line in _shown(name, find_provider(name)):
            print_line(line, 4, name if line.startswith(name) else "")
    if not words:
        _print_all(all_providers())
    return 0


def _print_all(rows: dict[str, ProviderRow]) -> None:
    """Print a line for each provider: its name, the variable of its key, its base URL and its description."""
    cells = [[name, _key(row), row.base_url, row.doc] for name, row in rows.items()]
    styles = ["cyan", "dim", "dim", ""]
    if sys.stdout.isatty() and width() < WIDE:  # without the base URL
        cells, styles = [[*first, last] for *first, _, last in cells], ["cyan", "dim", ""]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)][:-1]
    print_table(cells, styles, widths)


def _key(row: ProviderRow) -> str:
    variable = row.environment.get("api_key", "-")
    return f"{variable} (optional)" if row.key == "optional" else variable


def _shown(name: str, row: ProviderRow) -> Iterator[str]:
    yield f"{name}   {row.doc}".rstrip()
    yield f"  {row.base_url}"
    header = f", sent as {row.key_header}" if row.key_header else ""
    yield f"  key: {_key(row)}{header}"
    for option, variable in row.environment.items():
        if option != "api_key":
            yield f"  {option}: {variable}"
    yield f"  operations: {', '.join(row.has) or 'all'}" + (f", except {', '.join(row.lacks)}" if row.lacks else "")
    yield from (f"  note: {quirk}" for quirk in row.quirks)
    yield from (f"  source: {source} ({row.checked})" for source in row.source)
    yield ""
