"""`oai serve`: a fake, a cassette, or made-up answers as a local server, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError
from oai._table.load import environment_tables

if TYPE_CHECKING:
    from oai._http.messages import Transport

OPTIONS = ("cassette", "fake", "host", "port", "ignore")
"""The options that only `oai serve` has."""


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `oai serve`."""
    add = parser.add_argument_group("options of `oai serve`, beside --offline and --table").add_argument
    add("--cassette", metavar="FILE", help="answer from a cassette that oai has recorded")
    add("--fake", metavar="MODULE:NAME", help="answer as a FakeTransport does that a module has, or a function makes")
    add("--host", metavar="ADDRESS", help="where to listen (127.0.0.1)")
    add("--port", metavar="N", type=_port, help="the port (a free one)")
    add("--ignore", metavar="FIELD", action="append", help="what of a request a cassette need not have: body.user")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; it takes a number up to 65535, 0 for a free one")
    return int(text)


def check_serve_options(options: argparse.Namespace) -> None:
    """Refuse the options of `oai serve` where there is none.

    Raises:
        UsageError: there is one.
    """
    given = [name for name in OPTIONS if getattr(options, name) is not None]
    if given:
        raise UsageError(f"--{given[0]} is an option of `oai serve`")


def serve(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Serve until a signal comes: 0 after SIGTERM; Ctrl-C goes on to the caller."""
    if words:
        raise UsageError(f"oai serve takes options only, and {words[0]!r} is none")
    transport, what = _transport(options)
    from oai._serve.server import Server

    tables = [*environment_tables(), *(options.table or ())]
    sys.path += [os.path.dirname(os.path.abspath(path)) for path in tables]  # the structs that a table names
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        server = Server(
            transport, host=options.host or "127.0.0.1", port=options.port or 0, table=options.table, log=_print_notice
        )
    for warning in said:
        _print_notice(f"warning: {warning.message}")
    try:
        print(f"serving {what} at {server.url}", flush=True)  # noqa: T201
        stopped.wait()
    finally:
        server.close()
        transport.close()
    return 0


def _transport(options: argparse.Namespace) -> tuple[Transport, str]:
    """Return what answers, and what to call it."""
    chosen = [name for name in ("cassette", "offline", "fake") if getattr(options, name)]
    if len(chosen) > 1 or options.replay or options.record:
        raise UsageError("oai serve takes one of --cassette FILE, --offline and --fake MODULE:NAME")
    if options.ignore and not options.cassette:
        raise UsageError("--ignore is about what a cassette is compared by; there is no --cassette")
    if options.cassette:
        return _cassette(options.cassette, options.ignore or ()), options.cassette
    if options.fake:
        return _fake(options.fake), options.fake
    from oai.transports.offline import OfflineTransport

    return OfflineTransport(), "made-up answers"


def _cassette(path: str, ignore: Any) -> Any:
    from oai.transports.recorder import Recorder

    if not os.path.exists(path):
        raise FileNotFoundError(2, "there is no such cassette", path)
    return Recorder(path, mode="replay", ignore=ignore)


def _fake(where: str) -> Any:
    """Import what `MODULE:NAME` names, modules of the working directory first; call it if it is a function."""
    module, colon, name = where.partition(":")
    if not colon or not module or not name:
        raise UsageError(f"--fake is {where!r}; it is MODULE:NAME, such as my_fakes:fake")
    sys.path.insert(0, os.getcwd())
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not hasattr(found, "send") and callable(found):
        found = found()
    if not callable(getattr(found, "send", None)):
        raise UsageError(f"--fake: {where} is of type {type(found).__name__}, and no transport")
    return found


def _print_notice(line: str) -> None:
    """Print a notice to the standard error."""
    print(f"oai: {line}", file=sys.stderr, flush=True)  # noqa: T201
