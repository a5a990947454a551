"""The meaning of the parameters of a call path, from the lines of `docs.toml`; imported when a docstring is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oai._support.docs import lines_of, read_docs

if TYPE_CHECKING:
    from oai._table.rows import Row
    from oai._table.table import Table


def parameter_docs(table: Table, path: str) -> dict[str, str]:
    """Return the lines for the parameters of a call path, in the order of the signature, `stream` last.

    A helper shares those of the operation that it extends, and an operation those of another with the same request.
    """
    helper = table.helpers.get(path)
    row = table[path] if helper is None else helper.as_row(table)
    others = _twins(table, path, row) if helper is None else [helper.extends] if helper.extends else []
    lines: dict[str, str] = dict(read_docs()["parameters"])
    for name in (*others, path):
        lines |= lines_of("operations", name) or {}
    names = [*row.path_params, *(row.params or {}), *row.local]
    names += ["stream"] if row.stream is not None and not row.stream_only and "stream" not in names else []
    return {name: lines[name] for name in names if name in lines}


def _twins(table: Table, path: str, row: Row) -> list[str]:
    """Return the other operations with the same request, such as those of the beta's call paths."""
    request = row.method, row.path
    return [name for name, other in table.items() if name != path and (other.method, other.path) == request]
