"""`oai cache`: list the responses that a `Cache` keeps, remove them, or write them to a file.

    oai cache show                          # the file of caches that name none
    oai cache clear chat.sqlite
    oai cache export chat.sqlite --output chat.jsonl

The file has no requests, so that a list shows the operation and the model of each.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._caching.answers import Answer
    from oai._caching.store import Entry, Store


def cache(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Dispatch to the subcommand; return the exit status."""
    command, *rest = words or [""]
    if command not in COMMANDS or len(rest) > 1:
        right = nearest(command, COMMANDS) if command not in COMMANDS else None
        hint = f"; did you mean {right!r}?" if right else ""
        raise UsageError(f"usage: oai cache show [FILE] | clear [FILE] | export [FILE]{hint}")
    from oai._caching.store import reported

    store = _store(rest)
    try:
        with reported(store.path):
            return COMMANDS[command](options, store)
    finally:
        store.close()


def show(_: argparse.Namespace, store: Store) -> int:
    """Print a line for each response, the last used first."""
    entries = store.entries()
    size = sum(entry.size for entry in entries)
    print(f"{store.path}: {len(entries)} response{'s' * (len(entries) != 1)}, {size} bytes")  # noqa: T201
    for entry in entries:
        print(f"  {_shown(entry, time.time())}")  # noqa: T201
    return 0


def clear(_: argparse.Namespace, store: Store) -> int:
    """Remove all responses."""
    removed = store.clear()
    print(f"{store.path}: {removed} response{'s' * (removed != 1)} removed")  # noqa: T201
    return 0


def export(options: argparse.Namespace, store: Store) -> int:
    """Write a line of JSON for each response."""
    from oai._support.atomic_files import atomic_write

    lines = (_line(entry, answer) for entry, answer in store.export())
    if options.output is None:
        for line in lines:
            sys.stdout.write(line.decode())
        return 0
    with atomic_write(options.output) as target:
        target.writelines(lines)
    return 0


COMMANDS = {"show": show, "clear": clear, "export": export}


def _store(words: list[str]) -> Store:
    from oai._caching.store import CacheError, Store, default_path

    path = os.path.abspath(words[0]) if words else default_path()
    if not os.path.exists(path):
        raise CacheError(f"there is no cache {path}")
    return Store(path, sys.maxsize)


def _shown(entry: Entry, now: float) -> str:
    left = entry.expires - now
    name = f"{entry.namespace}: " if entry.namespace else ""
    age, state = _duration(now - entry.stored), f"expires in {_duration(left)}" if left > 0 else "expired"
    used = f"{entry.hits} hit{'s' * (entry.hits != 1)}"
    operation = " ".join((entry.operation or "-", *([entry.model] if entry.model else [])))
    return f"{entry.digest[:12].lower()}  {name}{operation}  {entry.size} bytes, {age} old, {state}, {used}"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _line(entry: Entry, answer: Answer) -> bytes:
    import msgspec

    from oai._http.encodings import decoded
    from oai._http.messages import Headers

    pieces, headers = answer.pieces, Headers(answer.headers)
    if "content-encoding" in headers:
        pieces = [decoded(headers, b"".join(pieces))]
    data: dict[str, Any] = {
        **msgspec.to_builtins(entry),
        "digest": entry.digest.lower(),
        "status": answer.status,
        "headers": dict(headers),
        "base64": [base64.b64encode(piece).decode() for piece in pieces],
    }
    with suppress(UnicodeDecodeError):  # text is readable; pieces may split a character
        data["pieces"] = [piece.decode() for piece in pieces]
        del data["base64"]
    return msgspec.json.encode(data) + b"\n"
