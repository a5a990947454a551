"""`oai map`: call an operation for every row of a file, and write the results to another, or estimate their cost."""

from __future__ import annotations

import argparse
import sys
import warnings
from contextlib import AbstractContextManager, ExitStack
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError, cell_parser, parse_arguments
from oai._cli.client import make_client, make_transport
from oai._cli.operations import choose, read_table
from oai._errors import AuthenticationError, PermissionDeniedError

if TYPE_CHECKING:
    from oai.helpers.bulk.row_formats import Cells

ESTIMATE_OPTIONS = ("prices", "output_tokens", "discount")
"""The options that only `oai map --estimate` has."""

LIMIT_OPTIONS = ("requests_per_minute", "tokens_per_minute")
"""The options that make `oai map` wait."""

MAP_OPTIONS = (
    *("input", "journal", "concurrency", "stop", "id", *LIMIT_OPTIONS, "limits"),
    *("estimate", *ESTIMATE_OPTIONS),
)
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
    add(
        "--id",
        metavar="FIELD",
        help="the field of each row that is its id, written with its result (default: custom_id, if rows have it)",
    )
    add("--requests-per-minute", metavar="N", type=_positive, help="start no more requests than this in any 60 seconds")
    add("--tokens-per-minute", metavar="N", type=_positive, help="use no more tokens than this in any 60 seconds")
    add(
        "--limits",
        metavar="FILE",
        help="share these limits with other processes: a file, or tcp://host:port (LimitServer)",
    )
    add("--estimate", action="store_true", default=None, help="print the tokens of the rows, and send nothing")
    add("--prices", metavar="FILE", help="with --estimate: a TOML file of prices, for the cost as well")
    add(
        "--output-tokens",
        metavar="N",
        type=_positive,
        help="with --estimate: the tokens of a result, on average (default: the limit of each row)",
    )
    add("--discount", metavar="PART", type=float, help="with --estimate: the part not paid, such as 0.5 for batches")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"the number must be a positive integer, not {text!r}")
    return int(text)


def map_rows(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Map an operation over the rows of a file, or estimate what that costs; return 1 if a row failed."""
    if not words or options.input is None:
        raise UsageError("oai map needs an operation and --input FILE (oai map --help)")
    table = read_table(options)
    name, positional = choose(table, words[0], words[1:])
    row = table[name]
    if row.response == "bytes":
        raise UsageError(f"{name} returns binary data, which `oai map` cannot write to a file of rows")
    defaults = parse_arguments(name, row, positional, words[1:], incomplete=True)
    if defaults.get("stream"):
        raise UsageError("oai map writes results, not streams; leave out stream")
    if options.estimate:
        return _print_estimate(options, defaults, cell_parser(row))
    for option in ESTIMATE_OPTIONS:
        if getattr(options, option) is not None:
            raise UsageError(f"--{option.replace('_', '-')} is only valid with --estimate")
    return _send(options, name, defaults, cell_parser(row))


def _print_estimate(options: argparse.Namespace, defaults: dict[str, Any], cells: Cells) -> int:
    """Print what the rows would use, as a line of text or as JSON."""
    from oai._json.encode import encode
    from oai.helpers.bulk.estimate import estimate
    from oai.helpers.bulk.row_formats import open_rows

    with ExitStack() as stack:
        rows = open_rows(options.input, stack, cells=cells, id_field=options.id).rows
        total = estimate(
            ({**defaults, **row.arguments} for row in rows),
            prices=options.prices,
            output_tokens=options.output_tokens,
            discount=options.discount or 0.0,
        )
    print(encode(total).decode() if options.json else total)  # noqa: T201
    return 0


def _limiter(options: argparse.Namespace, stack: ExitStack) -> Any:
    """Return a transport that sends within the limits of the options, `None` without limits; the stack closes it."""
    limits = {name: limit for name in LIMIT_OPTIONS if (limit := getattr(options, name)) is not None}
    if not limits:
        if options.limits is not None:
            raise UsageError("--limits needs --requests-per-minute or --tokens-per-minute")
        return None
    from oai.transports.http import HTTPTransport
    from oai.transports.limiter import Limiter

    limiter = Limiter(HTTPTransport(), shared=options.limits, **limits)
    stack.callback(limiter.close)
    return limiter


def _send(options: argparse.Namespace, name: str, defaults: dict[str, Any], cells: Cells) -> int:
    from oai._cli.progress import RowProgress, can_draw
    from oai.helpers.bulk.map import CONCURRENCY
    from oai.helpers.bulk.row_files import map_file

    with ExitStack() as stack:
        progress = stack.enter_context(RowProgress()) if can_draw(options.progress) else None
        transport = make_transport(options, sending=_limiter(options, stack))
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
            cells=cells,
            concurrency=options.concurrency or CONCURRENCY,
            errors="raise" if options.stop else "return",
            stops=(AuthenticationError, PermissionDeniedError),  # with which every further row would fail
            journal=options.journal,
            id_field=options.id,
            progress=progress,
        )
    if failed:
        hint = "; repeat the command to send them again" if options.journal else ""
        print(f"oai: {failed} of {rows} rows failed{hint}", file=sys.stderr)  # noqa: T201
    return 1 if failed else 0
