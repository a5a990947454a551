"""`oai serve`: run a fake, a cassette, or invented responses as a local server, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import warnings
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError
from oai._cli.notices import print_notice
from oai._table.load import environment_tables

if TYPE_CHECKING:
    from oai._http.messages import Transport

SERVE_OPTIONS = ("cassette", "fake", "host", "port", "ignore", "allow_host", "cors")
"""The options that only `oai serve` has."""


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `oai serve`."""
    add = parser.add_argument_group("options of `oai serve`, in addition to --offline and --table").add_argument
    add("--cassette", metavar="FILE", help="replay responses from a cassette")
    add("--fake", metavar="MODULE:NAME", help="respond with the FakeTransport of a module, or one a function returns")
    add("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)")
    add("--port", metavar="N", type=_port, help="port to listen on (default: a free one)")
    add("--allow-host", metavar="NAME", action="append", help="further name by which clients may address the server")
    add("--cors", metavar="ORIGIN", action="append", help="origin whose web pages may use the server; '*' for any")
    add("--ignore", metavar="FIELD", action="append", help="field of a request not to compare, such as body.user")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"the port must be 0 (a free one) to 65535, not {text!r}")
    return int(text)


def serve(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Serve until a signal; return 0 after SIGTERM, and raise `KeyboardInterrupt` after Ctrl-C."""
    if words:
        raise UsageError(f"oai serve takes only options, not {words[0]!r}")
    transport, what = _transport(options)
    from oai._serve.server import Server

    tables = [*environment_tables(), *(options.table or ())]
    sys.path += [os.path.dirname(os.path.abspath(path)) for path in tables]  # for the structs that a table names
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        server = Server(
            transport,
            host=options.host or "127.0.0.1",
            port=options.port or 0,
            table=options.table,
            log=print_notice,
            allow_hosts=options.allow_host or (),
            cors=options.cors or (),
        )
    for warning in caught:
        print_notice(f"warning: {warning.message}")
    try:
        print(f"serving {what} at {server.url}", flush=True)  # noqa: T201
        stopped.wait()
    finally:
        server.close()
        transport.close()
    return 0


def _transport(options: argparse.Namespace) -> tuple[Transport, str]:
    """Return the transport, and a description of it."""
    chosen = [name for name in ("cassette", "offline", "fake") if getattr(options, name)]
    if len(chosen) > 1 or options.replay or options.record:
        raise UsageError("oai serve takes one of --cassette FILE, --offline and --fake MODULE:NAME")
    if options.ignore and not options.cassette:
        raise UsageError("--ignore is only valid with --cassette")
    if options.cassette:
        return _cassette(options.cassette, options.ignore or ()), options.cassette
    if options.fake:
        return _fake(options.fake), options.fake
    from oai.transports.offline import OfflineTransport

    return OfflineTransport(), "invented responses"


def _cassette(path: str, ignore: Any) -> Any:
    from oai.transports.recorder import Recorder

    if not os.path.exists(path):
        raise FileNotFoundError(2, "no such cassette", path)
    return Recorder(path, mode="replay", ignore=ignore)


def _fake(where: str) -> Any:
    """Import the transport `MODULE:NAME`, from the working directory first; call it if it is a function."""
    module, colon, name = where.partition(":")
    if not colon or not module or not name:
        raise UsageError(f"--fake must be MODULE:NAME, such as my_fakes:fake, not {where!r}")
    sys.path.insert(0, os.getcwd())
    try:
        transport: Any = attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--fake {where}: {error}") from error
    if not hasattr(transport, "send") and callable(transport):
        transport = transport()
    if not callable(getattr(transport, "send", None)):
        raise UsageError(f"--fake: {where} is of type {type(transport).__name__}, not a transport")
    return transport
