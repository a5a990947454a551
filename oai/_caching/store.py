"""Keep responses in an SQLite database that threads and processes share.

Each change is one transaction in WAL mode, so that a process that dies between two steps leaves the old state. A
connection is opened at first use and closed before a fork: SQLite's locks belong to a process, and a child that uses,
or only closes, an inherited connection can damage the file. This module knows nothing of requests.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

import msgspec

from oai._caching.answers import Answer
from oai._caching.database import connect, prepare
from oai._errors import OpenAIError
from oai._support.cache_directory import cache_directory

FULL: Final = 0.9
"""The part of `max_bytes` that is left when more are kept, so that not every response evicts one."""

LISTED: Final = "hex(digest), namespace, operation, model, size, stored, expires, hits"


class CacheError(OpenAIError):
    """The file of a cache cannot be used."""


@contextmanager
def reported(path: str) -> Iterator[None]:
    """Turn the failures of a file into `CacheError`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise CacheError(f"{path} cannot be used as a cache: {error}") from error


class Label(NamedTuple):
    """The request of a kept response, as the list of the cache shows it."""

    namespace: str
    operation: str
    model: str | None


class Entry(msgspec.Struct, frozen=True):
    """A line of the list of a cache."""

    digest: str
    namespace: str
    operation: str
    model: str | None
    size: int
    stored: float
    expires: float
    hits: int


class Store:
    """A database of responses.

    Args:
        path: the file, created if it does not exist.
        max_bytes: the bytes of content to keep; the least recently used is removed first.

    Raises:
        CacheError: the file cannot be opened, or is not a cache.
    """

    def __init__(self, path: str, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._used: dict[bytes, tuple[float, int]] = {}  # when and how often, until the next write
        with reported(path):
            prepare(path)
        _STORES.add(self)

    def get(self, digest: bytes, now: float) -> Answer | None:
        """Return a response that has not expired."""
        with self._lock:
            row = (
                self._open()
                .execute("SELECT status, headers, pieces, expires, content FROM answers WHERE digest = ?", (digest,))
                .fetchone()
            )
        if row is None or row[3] <= now:
            return None
        return _answer(*row)

    def touch(self, digest: bytes) -> None:
        """Note a use. It is written with the next response, since a hit must not cost a transaction."""
        self._used[digest] = (time.time(), self._used.get(digest, (0.0, 0))[1] + 1)

    def put(self, digest: bytes, label: Label, answer: Answer) -> None:
        """Keep a response, remove what has expired, and the least recently used while there is too much."""
        now = time.time()
        lengths = msgspec.json.encode([len(piece) for piece in answer.pieces])
        headers, content = msgspec.json.encode(answer.headers), b"".join(answer.pieces)
        with self._transaction() as database:
            self._write_uses(database)
            database.execute("DELETE FROM answers WHERE digest = ? OR expires <= ?", (digest, now))
            values = (digest, *label, answer.status, headers, lengths, len(content), now, answer.expires, now, content)
            database.execute(
                "INSERT INTO answers (digest, namespace, operation, model, status, headers, pieces, size, stored,"
                " expires, used, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            self._evict(database)

    def _evict(self, database: sqlite3.Connection) -> None:
        ((_, size),) = database.execute("SELECT entries, bytes FROM totals")
        if size <= self._max_bytes:
            return
        old = []
        for digest, freed in database.execute("SELECT digest, size FROM answers ORDER BY used"):
            if size <= self._max_bytes * FULL:
                break
            old.append((digest,))
            size -= freed
        database.executemany("DELETE FROM answers WHERE digest = ?", old)

    def _write_uses(self, database: sqlite3.Connection) -> None:
        used, self._used = self._used, {}
        rows = [(at, hits, digest) for digest, (at, hits) in used.items()]
        database.executemany("UPDATE answers SET used = max(used, ?), hits = hits + ? WHERE digest = ?", rows)

    def clear(self, namespace: str | None = None) -> int:
        """Remove every response, or those of a namespace; return how many."""
        with self._transaction() as database:
            where, values = ("", ()) if namespace is None else (" WHERE namespace = ?", (namespace,))
            removed = database.execute(f"DELETE FROM answers{where}", values).rowcount  # noqa: S608 - constants
        with self._lock, suppress(sqlite3.OperationalError):  # another process reads; its next write frees the space
            self._open().execute("VACUUM")
            self._open().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        os.utime(self.path)  # so that other processes clear their memory
        return removed

    def entries(self) -> list[Entry]:
        """Return the list of the cache, the last used first."""
        with self._lock:
            rows = self._open().execute(f"SELECT {LISTED} FROM answers ORDER BY used DESC").fetchall()  # noqa: S608 - a constant
        return [Entry(*row) for row in rows]

    def export(self) -> Iterator[tuple[Entry, Answer]]:
        """Yield every entry with its response."""
        for entry in self.entries():
            answer = self.get(bytes.fromhex(entry.digest), 0.0)
            if answer is not None:
                yield entry, answer

    def totals(self) -> tuple[int, int]:
        """Return how many responses there are, and the bytes of their contents."""
        with self._lock:
            row = self._open().execute("SELECT entries, bytes FROM totals").fetchone()
        return row[0], row[1]

    def stamp(self) -> tuple[int, int]:
        """Return what changes when the cache is cleared. A file that was deleted is created again.

        Raises:
            OSError, sqlite3.Error: the file cannot be used.
        """
        with self._lock:
            try:
                state = os.stat(self.path)
            except FileNotFoundError:
                self.disconnect()
                prepare(self.path)
                state = os.stat(self.path)
            if state.st_ino != self._inode:  # the connection belongs to a deleted file
                self.disconnect()
                self._inode = state.st_ino
        return state.st_ino, state.st_mtime_ns

    def close(self) -> None:
        """Write the uses, and close the database; it is opened again if it is used."""
        with self._lock:
            if self._connection is not None and self._used:
                with suppress(sqlite3.Error), self._transaction() as database:
                    self._write_uses(database)
            self.disconnect()

    def __del__(self) -> None:
        """Close the connection of a cache that was dropped: CPython 3.13 warns of one that is open."""
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()

    def disconnect(self) -> None:
        """Close the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def hold(self) -> None:
        """Close the connection, and let no thread open one until `release`."""
        self._lock.acquire()
        self.disconnect()

    def release(self) -> None:
        """Undo `hold`."""
        self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self.path)
        return self._connection


def _answer(status: int, headers: bytes, pieces: bytes, expires: float, content: bytes) -> Answer:
    begin, cut = 0, list[bytes]()
    for length in msgspec.json.decode(pieces, type=list[int]):
        cut.append(content[begin : begin + length])
        begin += length
    return Answer(status, msgspec.json.decode(headers, type=list[tuple[str, str]]), cut, expires)


def default_path() -> str:
    """Return the file of caches that name none.

    Raises:
        CacheError: the environment has no cache directory.
    """
    directory = cache_directory()
    if directory is None:
        raise CacheError("there is no cache directory for this user; pass a path")
    return os.path.join(directory, "answers.sqlite")


_STORES: weakref.WeakSet[Store] = weakref.WeakSet()
_HELD: list[Store] = []


def _before_fork() -> None:
    """Let no connection be inherited; each store opens another one when it is used again."""
    _HELD[:] = _STORES
    for store in _HELD:
        store.hold()


def _after_fork() -> None:
    while _HELD:
        _HELD.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
