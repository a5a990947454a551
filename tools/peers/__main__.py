"""Run a package's own tests with the official SDK and with `oai.as_openai`, and print what differs, grouped by cause.

    python -m tools.peers ./openai-VERSION --peer openai --python venv/bin/python
    python -m tools.peers package-1.0.tar.gz --tests 'tests/test_*.py' --private 'tests/test_internals.py'

SOURCE is the package's sdist or a checkout; the Python has pytest, msgspec, the SDK and what the tests import. The
network is blocked except for loopback. `--peer` takes the tests from `peers.toml`. It is not part of CI.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.peers.compare import describe
from tools.peers.run import Job, find_tests, run_both, unpack

PEERS = Path(__file__).with_name("peers.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 1 if no comparison was possible."""
    options = _parser().parse_args(arguments)
    peer = read_peers()[options.peer] if options.peer else {}
    private = [*peer.get("private", []), *options.private]
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        try:
            source = unpack(options.source.resolve(), place)
            job = Job(
                source=source,
                tests=find_tests(source, options.tests or peer.get("tests", [])),
                python=options.python,
                test_seconds=options.test_timeout,
                seconds=options.timeout,
                environment=peer.get("environment", {}),
            )
            sdk, own = run_both(job, place)
        except (RuntimeError, ValueError) as error:
            print(error)
            return 1
    print(describe(sdk, own, private, options.examples))
    return 0


def read_peers() -> dict[str, Any]:
    """Return the packages of `peers.toml` by name."""
    with PEERS.open("rb") as file:
        return tomllib.load(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the package's sdist (.tar.gz) or directory")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--tests", nargs="+", metavar="GLOB", help="test files and directories, relative to SOURCE")
    which.add_argument("--peer", choices=sorted(read_peers()), help="take tests and private parts from peers.toml")
    parser.add_argument("--private", nargs="+", default=[], metavar="GLOB", help="test ids to count apart")
    parser.add_argument("--python", default=sys.executable, help="the Python that runs the tests (default: this one)")
    parser.add_argument("--test-timeout", type=float, default=20, metavar="SECONDS", help="for one test (default: 20)")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="for a side (default: 600)")
    parser.add_argument("--examples", type=int, default=3, metavar="N", help="tests to list per cause (default: 3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
