"""`oai providers`: print the services that `--provider` selects. Nothing is sent."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oai._table.providers import all_providers, find_provider

if TYPE_CHECKING:
    from oai._table.providers import ProviderRow


def list_providers(options: argparse.Namespace, command: str, words: list[str]) -> int:  # noqa: ARG001
    """Print all providers, one on a line; with names, what is known of these."""
    for name in words:
        for line in _shown(name, find_provider(name)):
            print(line)  # noqa: T201
    if not words:
        for line in _table(all_providers()):
            print(line)  # noqa: T201
    return 0


def _table(rows: dict[str, ProviderRow]) -> Iterator[str]:
    """Yield a line for each provider: its name, the variable of its key, its base URL and its description."""
    cells = [(name, _key(row), row.base_url, row.doc) for name, row in rows.items()]
    widths = [max(len(cell[column]) for cell in cells) for column in range(3)]
    for cell in cells:
        yield "  ".join([*(f"{text:<{width}}" for text, width in zip(cell, widths, strict=False)), cell[-1]]).rstrip()


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
