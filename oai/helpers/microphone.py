"""Record from the microphone, for transcriptions and translations."""

from __future__ import annotations

import asyncio
import io
import time
import wave
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from oai.helpers._sound import FULL_SCALE, SAMPLE_RATE, sound_package

DType = TypeVar("DType")


class Microphone(Generic[DType]):
    """Records from the default microphone, 24,000 samples a second.

    Args:
        channels: number of channels.
        dtype: numpy's type of the samples; default `numpy.int16`.
        should_record: called for each block; recording ends when it returns a false value.
        timeout: seconds after which recording ends; unlimited by default.

    Raises:
        OpenAIError: numpy is not installed.
    """

    def __init__(
        self,
        channels: int = 1,
        dtype: type[DType] | None = None,
        should_record: Callable[[], bool] | None = None,
        timeout: float | None = None,
    ) -> None:
        self.channels = channels
        self.dtype: Any = sound_package("numpy").int16 if dtype is None else dtype
        self.should_record = should_record
        self.timeout = timeout
        self.buffer_chunks: list[Any] = []
        self.has_record_function = callable(should_record)

    async def record(self, return_ndarray: bool | None = False) -> Any:
        """Record until `should_record` or `timeout` end it.

        Returns:
            A WAV file to upload, as name, content and type; with `return_ndarray` a numpy array of the samples.

        Raises:
            OpenAIError: sounddevice is not installed.
        """
        numpy, sounddevice = sound_package("numpy"), sound_package("sounddevice")
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        chunks: list[Any] = []
        self.buffer_chunks = chunks
        start = time.perf_counter()

        def receive(block: Any, frames: int, times: Any, status: Any) -> None:
            del frames, times, status
            late = self.timeout is not None and time.perf_counter() - start > self.timeout
            if late or (callable(self.should_record) and not self.should_record()):
                loop.call_soon_threadsafe(done.set)
                raise sounddevice.CallbackStop
            chunks.append(block.copy())  # the device uses the block again

        with sounddevice.InputStream(
            callback=receive, dtype=self.dtype, samplerate=SAMPLE_RATE, channels=self.channels
        ):
            await done.wait()
        samples = numpy.concatenate(chunks, axis=0) if chunks else numpy.array([], dtype=self.dtype)
        return samples if return_ndarray else ("audio.wav", self._wav(samples), "audio/wav")

    def _wav(self, samples: Any) -> io.BytesIO:
        numpy = sound_package("numpy")
        if samples.dtype == numpy.float32:
            samples = (numpy.clip(samples, -1, 1) * FULL_SCALE).astype(numpy.int16)
        elif samples.dtype == numpy.int8:
            samples = (samples.astype(numpy.int16) + 128).astype(numpy.uint8)  # 8-bit samples of WAV have no sign
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setnchannels(self.channels)
            file.setsampwidth(samples.dtype.itemsize)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(samples.tobytes())
        content.seek(0)
        return content
