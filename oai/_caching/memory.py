"""The responses used last, in memory: a hit then costs no access to the disk, and no thread in an async program."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from oai._caching.answers import Answer

MOST_BYTES: Final = 16 * 1024 * 1024
LARGEST: Final = 1024 * 1024
"""Bytes of content in memory at most, and of one response. A larger one is read from the file each time."""

TRUSTED: Final = 1.0
"""Seconds after which the file is checked, since another process may have cleared it."""


class Memory:
    """Responses by the digest of their request; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._size = 0
        self._stamp: object = None
        self._trusted_until = 0.0

    @property
    def is_stale(self) -> bool:
        """Whether `check` is due."""
        return time.monotonic() >= self._trusted_until

    def check(self, stamp: Callable[[], object]) -> None:
        """Forget everything if the file has another stamp than before."""
        current = stamp()
        with self._lock:
            if current != self._stamp:
                self._answers.clear()
                self._size = 0
            self._stamp, self._trusted_until = current, time.monotonic() + TRUSTED

    def get(self, digest: bytes) -> Answer | None:
        """Return a response that has not expired."""
        with self._lock:
            answer = self._answers.get(digest)
            if answer is None or answer.expires <= time.time():
                return None
            self._answers.move_to_end(digest)
            return answer

    def put(self, digest: bytes, answer: Answer) -> None:
        """Keep a response in place of those used longest ago."""
        size = answer.size
        if size > LARGEST:
            return
        with self._lock:
            old = self._answers.pop(digest, None)
            self._size += size - (0 if old is None else old.size)
            self._answers[digest] = answer
            while self._size > MOST_BYTES:
                self._size -= self._answers.popitem(last=False)[1].size

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._answers.clear()
            self._size = 0
