"""The SQLite database of a cache: its tables, and how it is opened."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from typing import Final

APPLICATION: Final = 0x6F616963
"""The `application_id` of these databases, by which another program's database is recognized."""

VERSION: Final = 1
PATIENCE: Final = 5.0
"""Seconds to wait for another process that writes."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS answers (
    digest BLOB PRIMARY KEY, namespace TEXT, operation TEXT, model TEXT, status INTEGER, headers BLOB, pieces BLOB,
    size INTEGER, stored REAL, expires REAL, used REAL, hits INTEGER DEFAULT 0, content BLOB);
CREATE INDEX IF NOT EXISTS by_use ON answers (used);
CREATE INDEX IF NOT EXISTS by_end ON answers (expires);
CREATE TABLE IF NOT EXISTS totals (entries INTEGER, bytes INTEGER);
INSERT INTO totals SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM totals);
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON answers BEGIN
    UPDATE totals SET entries = entries + 1, bytes = bytes + new.size; END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON answers BEGIN
    UPDATE totals SET entries = entries - 1, bytes = bytes - old.size; END;
"""


def prepare(path: str) -> None:
    """Create the file for its user alone, and the tables."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    database = connect(path)
    try:
        database.execute("BEGIN")  # another process may create the tables at this time
        is_empty = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        pragmas = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        database.execute("COMMIT")
        if pragmas == [APPLICATION, VERSION]:
            return
        if not is_empty or pragmas != [0, 0]:
            other = pragmas[0] != APPLICATION
            raise sqlite3.DatabaseError("it is another program's database" if other else "its version is unknown")
        _patiently(database, "PRAGMA journal_mode = WAL")
        marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
        database.executescript(f"BEGIN IMMEDIATE; {TABLES} {marks} COMMIT;")
    finally:
        database.close()


def connect(path: str) -> sqlite3.Connection:
    """Open a database."""
    database = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:  # with WAL, a crash of the system loses the last responses at most
        database.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:  # such as for a file that is not a database
        database.close()
        raise
    return database


def _patiently(database: sqlite3.Connection, statement: str) -> None:
    """Execute a statement for which SQLite itself does not wait while another process has the file."""
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            database.execute(statement)
        except sqlite3.OperationalError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.01)
        else:
            return
