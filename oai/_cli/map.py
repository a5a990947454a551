"""`oai map`: call an operation for every row of a file, and write the results to another."""

from __future__ import annotations

import argparse
import sys
import warnings
from contextlib import AbstractContextManager, ExitStack
from operator import attrgetter
from typing import Any

from oai._cli.arguments import UsageError, cell_parser, parse_arguments
from oai._cli.client import make_client, make_transport
from oai._cli.operations import choose, read_table
from oai._errors import AuthenticationError, PermissionDeniedError

MAP_OPTIONS = ("input", "journal", "concurrency", "stop")
"""The options that only `oai map` has."""


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `oai map`."""
    add = parser.add_argument_group("options of `oai map`, in addition to --output").add_argument
    add("--input", metavar="FILE", help="rows: .jsonl, .csv, .parquet (with pyarrow), or - for JSON lines on stdin")
    add(
        "--journal", metavar="FILE", help="keep the responses, so that repeating the command sends only what is missing"
    )
    add("--concurrency", metavar="N", type=_positive, help="maximum number of calls in flight (default: 8)")
    add(
        "--stop",
        action="store_true",
        default=None,
        help="stop at the first row that fails; by default errors are results",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"the number must be a positive integer, not {text!r}")
    return int(text)


def map_rows(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Map an operation over the rows of a file; return 1 if a row failed."""
    if not words or options.input is None:
        raise UsageError("oai map needs an operation and --input FILE (oai map --help)")
    table = read_table(options)
    name, positional = choose(table, words[0], words[1:])
    row = table[name]
    if row.response == "bytes":
        raise UsageError(f"{name} returns binary data, of which `oai map` has no form in a file of rows")
    defaults = parse_arguments(name, row, positional, words[1:], incomplete=True)
    if defaults.get("stream"):
        raise UsageError("oai map writes results, not streams; leave out stream")
    from oai._cli.progress import RowProgress, can_draw
    from oai.helpers.bulk.map import CONCURRENCY
    from oai.helpers.bulk.row_files import map_file

    with ExitStack() as stack:
        progress = stack.enter_context(RowProgress()) if can_draw(options.progress) else None
        transport = make_transport(options)
        if isinstance(transport, AbstractContextManager):
            stack.enter_context(transport)
        client: Any = stack.enter_context(make_client(options, transport))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", DeprecationWarning)
        rows, failed = map_file(
            attrgetter(name)(client),
            options.input,
            options.output or "-",
            defaults=defaults,
            cells=cell_parser(row),
            concurrency=options.concurrency or CONCURRENCY,
            errors="raise" if options.stop else "return",
            stops=(AuthenticationError, PermissionDeniedError),  # which every further row would be, too
            journal=options.journal,
            progress=progress,
        )
    if failed:
        hint = "; repeat the command to send them again" if options.journal else ""
        print(f"oai: {failed} of {rows} rows failed{hint}", file=sys.stderr)  # noqa: T201
    return 1 if failed else 0
