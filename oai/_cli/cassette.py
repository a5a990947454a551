"""`oai cassette`: search cassettes for secrets, list their exchanges, and convert those of vcrpy.

    oai cassette check tests             # for CI: status 1 if anything looks like a secret or cannot be read
    oai cassette show tests/cassettes/test_chat/test_greeting.cassette
    oai cassette import old.yaml new.cassette

A secret is reported by file, exchange and position; its value is never printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oai._cli.arguments import UsageError
from oai._support.redact import Redactor
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._recording.cassette import Exchange, RecordedResponse

ENDING = ".cassette"


def cassette(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Dispatch to the subcommand; return the exit status."""
    command, *rest = words or [""]
    if command not in COMMANDS:
        right = nearest(command, COMMANDS)
        hint = f"; did you mean {right!r}?" if right else ""
        raise UsageError(f"usage: oai cassette check PATH ... | show PATH ... | import OLD NEW{hint}")
    return COMMANDS[command](options, rest)


def check(_: argparse.Namespace, words: list[str]) -> int:
    """Print a line for each secret in the cassettes and each unreadable file; return 1 if there is any."""
    from oai._recording.leaks import find_leaks

    lines: list[str] = []
    paths, problems = _files("check", words)
    for path in paths:
        exchanges = _read(path, problems)
        for number, exchange in enumerate(exchanges, 1):
            lines += [f"{path}: {_title(number, exchange)}: {leak}" for leak in find_leaks(exchange, Redactor())]
    for line in [*lines, *problems]:
        print(line)  # noqa: T201
    if not lines and not problems:
        print(f"{len(paths)} cassette{'s' if len(paths) > 1 else ''}, no secrets found")  # noqa: T201
    return 1 if lines or problems else 0


def show(_: argparse.Namespace, words: list[str]) -> int:
    """Print a line for each exchange of the cassettes; return 1 if one cannot be read."""
    paths, problems = _files("show", words)
    for path in paths:
        exchanges = _read(path, problems)
        print(f"{path}: {len(exchanges)} exchange{'s' * (len(exchanges) != 1)}")  # noqa: T201
        for number, exchange in enumerate(exchanges, 1):
            print(f"  {number:>3}  {_shown(exchange)}")  # noqa: T201
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    return 1 if problems else 0


def import_old(options: argparse.Namespace, words: list[str]) -> int:
    """Convert a cassette of vcrpy's and report what was left out; return 1 if nothing could be converted."""
    from oai._cli.operations import read_table
    from oai._recording.vcr import import_vcr

    if len(words) != 2:
        raise UsageError("usage: oai cassette import OLD.yaml NEW.cassette")
    source, target = words
    report = import_vcr(source, target, read_table(options).table, options.base_url)
    for line in [*report.left_out, *report.unknown]:
        print(f"{source}: {line}", file=sys.stderr)  # noqa: T201
    print(f"{target}: {report.taken} exchange{'s' * (report.taken != 1)} from {source}")  # noqa: T201
    return 0 if report.taken else 1


COMMANDS = {"check": check, "import": import_old, "show": show}


def _files(command: str, words: list[str]) -> tuple[list[str], list[str]]:
    """Return the cassettes at or below the paths, and a line for each directory without any."""
    if not words:
        raise UsageError(f"oai cassette {command} needs files, or directories to search for *{ENDING}")
    files: list[str] = []
    problems: list[str] = []
    for word in words:
        below = [word] if not os.path.isdir(word) else sorted(_below(word))
        if not below:
            problems.append(f"{word}: no *{ENDING} files in or below this directory")
        files += [path for path in below if path not in files]
    return files, problems


def _below(directory: str) -> Iterator[str]:
    for place, _, names in os.walk(directory):
        yield from (os.path.join(place, name) for name in names if name.endswith(ENDING))


def _read(path: str, problems: list[str]) -> list[Exchange]:
    from oai._recording.cassette import CassetteError, read

    try:
        return read(path)
    except CassetteError as error:
        problems.append(Redactor().text(str(error)))
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")
    return []


def _title(number: int, exchange: Exchange) -> str:
    """Name an exchange by number, and by its title unless that contains a secret."""
    title = exchange.request.title
    return f"exchange {number}" if Redactor().leak(title) else f"exchange {number}, {title}"


def _shown(exchange: Exchange) -> str:
    reply = exchange.reply
    request = exchange.request
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    target = f"{request.method} {request.path}{'?' * bool(query)}{query}"
    outcome = [str(reply.status)] if reply.status is not None else []
    if reply.status is not None:
        outcome.append(_content(reply))
    if reply.failure is not None:
        outcome.append(f"{reply.failure.kind}: {reply.failure.message}")
    if reply.end is not None:
        outcome.append("closed by the caller")
    line = f"{target}  {request.operation or '-'}  {'  '.join(outcome)}"
    return Redactor().text(line)


def _content(reply: RecordedResponse) -> str:
    size = len(reply.content())
    kind = reply.headers.get("content-type", "").partition(";")[0] or "no content type"
    chunks = "" if reply.chunks is None else f" in {len(reply.chunks)} chunks"
    return f"{kind}, {size} bytes{chunks}"
