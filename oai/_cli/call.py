"""Call an operation and print its result: what `oai OPERATION ...` does."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, cast

from oai._cli.arguments import UsageError, parse_arguments
from oai._cli.client import make_client, make_transport
from oai._cli.notices import print_notice
from oai._cli.operations import choose, read_table
from oai._support.plain_data import is_list

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from oai._table.rows import Row


def call(options: argparse.Namespace, command: str, words: list[str]) -> int:
    """Call an operation and print its result."""
    table = read_table(options)
    name, positional = choose(table, command, words)
    row = table[name]
    arguments = parse_arguments(name, row, positional, words)
    from operator import attrgetter

    from oai._cli.output import Output
    from oai._cli.progress import UploadProgress, shows_bars
    from oai._results.stream import Stream

    output = Output(options.output, json=options.json, text=options.text, path=options.get)
    if not options.dry_run:
        _check_output(name, row, options, output)
    with ExitStack() as stack:
        metered = shows_bars(options.progress, row)
        if metered and table.takes(name, "progress"):
            metered, arguments["progress"] = False, stack.enter_context(UploadProgress())
        transport: Any = make_transport(options, metered=metered)
        if isinstance(transport, AbstractContextManager):
            stack.enter_context(transport)
        client = stack.enter_context(make_client(options, transport))
        if options.dry_run:
            transport.paths = _paths(row, arguments)
            return _dry_run(attrgetter(name)(client), row, arguments, is_helper=name in table.helpers)
        result: Any = _call_quietly(attrgetter(name)(client), row, arguments)
        if options.all:
            output.write_items(result)
        elif isinstance(result, Stream):
            stack.callback(result.close)
            if not output.write_events(cast("Any", result)):
                print_notice("the stream contained no text; --json shows its events")
        else:
            output.write(result)
    return 0


def _dry_run(function: Callable[..., Any], row: Row, arguments: dict[str, Any], *, is_helper: bool) -> int:
    """Print the request of a call, and that a helper sends further ones."""
    from oai._cli.preview import DryRun

    try:
        _call_quietly(function, row, arguments)
    except DryRun as request:
        print(request)  # noqa: T201
    if is_helper:
        print_notice("a helper may send further requests, which depend on the response to this one")
    return 0


def _paths(row: Row, arguments: dict[str, Any]) -> list[str]:
    """Return the texts among the arguments that upload files: their paths."""
    values = [arguments[name] for name in row.files or arguments if name in arguments]
    return [path for value in values for path in (value if is_list(value) else [value]) if isinstance(path, str)]


def _call_quietly(function: Callable[..., Any], row: Row, arguments: dict[str, Any]) -> Any:
    """Call the operation's function, with a notice of the command line's own instead of a `DeprecationWarning`."""
    import warnings

    with warnings.catch_warnings():
        if row.deprecated:
            print_notice(f"{function.__qualname__} is deprecated: {row.deprecated}")
            warnings.simplefilter("ignore", DeprecationWarning)
        return function(**arguments)


def _check_output(name: str, row: Row, options: argparse.Namespace, output: Any) -> None:
    """Check that the result can be written, before a request is sent and paid for."""
    if row.response == "bytes" and not output.takes_bytes:
        raise UsageError(f"{name} returns binary data; write it to a file (--output FILE) or pipe it")
    if options.get is not None:
        from oai._cli.readable import parse_path

        parse_path(options.get)
        if row.response == "bytes":
            raise UsageError(f"--get needs a result with fields; {name} returns binary data")
    if options.all and "Page[" not in row.response:
        raise UsageError(f"--all needs an operation that returns pages; {name} returns {row.response}")
    if options.output is not None:
        from oai._support.atomic_files import check_writable

        check_writable(options.output)
