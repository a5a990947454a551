"""A sound card that is a thread: as much of the package `sounddevice` as recording and playing use."""

from __future__ import annotations

import threading
import types
from typing import Any, ClassVar, Self

import numpy as np

BLOCK = 100


class CallbackStop(Exception):  # noqa: N818 - sounddevice's name
    pass


class Stream:
    """A stream of sounddevice: calls back with blocks until the callback stops it."""

    played: ClassVar[list[Any]] = []
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        self._callback = options.pop("callback")
        Stream.options = options
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            for number in range(1000):
                self._block(number)
        except CallbackStop:
            pass

    def _block(self, number: int) -> None:
        raise NotImplementedError


class InputStream(Stream):
    def _block(self, number: int) -> None:
        ramp = np.arange(BLOCK * self.options["channels"]).reshape(BLOCK, -1) + number
        dtype = self.options["dtype"]
        self._callback((ramp / 1000 if dtype == np.float32 else ramp).astype(dtype), BLOCK, None, None)


class OutputStream(Stream):
    def _block(self, number: int) -> None:
        block = np.full((BLOCK, self.options["channels"]), 9, dtype=self.options["dtype"])
        self._callback(block, BLOCK, None, None)
        Stream.played.append(block)


def sound_card() -> types.ModuleType:
    """Return the package, with which nothing was played yet."""
    Stream.played, Stream.options = [], {}
    card = types.ModuleType("sounddevice")
    vars(card).update(CallbackStop=CallbackStop, InputStream=InputStream, OutputStream=OutputStream)
    return card
