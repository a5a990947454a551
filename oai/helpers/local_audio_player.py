"""Play speech on the default loudspeaker."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable
from typing import Any

from oai.helpers._sound import FULL_SCALE, SAMPLE_RATE, sound_package

QUEUED = 50
"""Number of arrays of a stream that may wait to be played."""

PATIENCE = 0.1
"""Seconds for which a block waits for the next array of a stream; then it is silence."""


class LocalAudioPlayer:
    """Plays samples on the default loudspeaker, 24,000 a second.

    Args:
        should_stop: called for each block; `play` ends when it returns a true value.

    Raises:
        OpenAIError: numpy is not installed.
    """

    def __init__(self, should_stop: Callable[[], bool] | None = None) -> None:
        self.channels = 1
        self.dtype = sound_package("numpy").float32
        self.should_stop = should_stop

    async def play(self, input: Any) -> None:
        """Play to the end.

        Args:
            input: a numpy array of int16 or float32, or a response of `audio.speech.create(response_format="pcm")`,
                streamed or not.

        Raises:
            ValueError: the array has another type.
            OpenAIError: sounddevice is not installed.
        """
        samples = self._samples(input) if hasattr(input, "dtype") else self._floats(await _bytes_of(input))
        sounddevice = sound_package("sounddevice")
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        place = 0

        def fill(block: Any, frames: int, times: Any, status: Any) -> None:
            del times, status
            nonlocal place
            piece = samples[place : place + frames]
            if not len(piece) or (callable(self.should_stop) and self.should_stop()):
                loop.call_soon_threadsafe(done.set)
                raise sounddevice.CallbackStop
            block[: len(piece)] = piece
            block[len(piece) :] = 0
            place += len(piece)

        with sounddevice.OutputStream(
            samplerate=SAMPLE_RATE, callback=fill, dtype=samples.dtype, channels=samples.shape[1]
        ):
            await done.wait()

    async def play_stream(self, buffer_stream: AsyncIterator[Any]) -> None:
        """Play numpy arrays of int16 or float32 as they come, until the iterator ends or yields `None`.

        Raises:
            OpenAIError: sounddevice is not installed.
        """
        sounddevice = sound_package("sounddevice")
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        waiting = _WaitingSamples()

        async def produce() -> None:
            try:
                async for samples in buffer_stream:
                    if samples is None:
                        break
                    await loop.run_in_executor(None, waiting.put, self._samples(samples))
            finally:
                await loop.run_in_executor(None, waiting.put, None)

        def fill(block: Any, frames: int, times: Any, status: Any) -> None:
            del times, status
            filled = 0
            while filled < frames and (piece := waiting.take(frames - filled)) is not None:
                block[filled : filled + len(piece)] = piece
                filled += len(piece)
            block[filled:] = 0
            if waiting.has_ended:
                loop.call_soon_threadsafe(done.set)
                raise sounddevice.CallbackStop

        producer = asyncio.create_task(produce())
        with sounddevice.OutputStream(samplerate=SAMPLE_RATE, channels=self.channels, dtype=self.dtype, callback=fill):
            await done.wait()
        await producer

    def _samples(self, samples: Any) -> Any:
        """Return samples as floats from -1 to 1, a row for each."""
        numpy = sound_package("numpy")
        if samples.dtype == numpy.int16:
            return (samples.astype(numpy.float32) / FULL_SCALE).reshape(-1, self.channels)
        if samples.dtype != numpy.float32:
            raise ValueError(f"samples must be of type int16 or float32, not {samples.dtype}")
        return samples

    def _floats(self, pcm: bytes) -> Any:
        numpy = sound_package("numpy")
        return self._samples(numpy.frombuffer(pcm[: len(pcm) // 2 * 2], dtype=numpy.int16))


class _WaitingSamples:
    """Samples that wait to be played: put by one thread, and taken by another."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(QUEUED)
        self._rest: Any = ()
        self.has_ended = False

    def put(self, samples: Any) -> None:
        """Add samples, or `None` for their end; wait while there are too many."""
        self._queue.put(samples)

    def take(self, most: int) -> Any:
        """Return the next samples, `most` of them at the most; `None` at the end, and if there are none in time."""
        if not len(self._rest):
            try:
                samples = self._queue.get(timeout=PATIENCE)
            except queue.Empty:
                return None
            if samples is None:
                self.has_ended = True
                return None
            self._rest = samples
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece


async def _bytes_of(response: Any) -> bytes:
    """Return the content of a response, read now if it is streamed."""
    pieces = response.iter_bytes()
    if hasattr(pieces, "__aiter__"):
        return b"".join([piece async for piece in pieces])
    return b"".join(pieces)
