"""`Microphone` and `LocalAudioPlayer`, on a sound card that is a thread, side by side with the official SDK's."""

from __future__ import annotations

import asyncio
import importlib
import sys
import wave
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from sound_card import BLOCK, Stream, sound_card

import oai
from oai.helpers import LocalAudioPlayer, Microphone


@pytest.fixture(autouse=True)
def _sound_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", sound_card())


def sides(name: str) -> list[Any]:
    """Return a helper of ours and, if it is installed, the official SDK's."""
    found = [getattr(oai.helpers, name)]
    if importlib.util.find_spec("openai") is not None:
        found.append(getattr(importlib.import_module("openai.helpers"), name))
    return found


def blocks(count: int) -> Any:
    left = iter(range(count))
    return lambda: next(left, None) is not None


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.int8, np.int32])
@pytest.mark.parametrize("channels", [1, 2])
def test_recording_is_a_wav_file(dtype: Any, channels: int) -> None:
    contents = []
    for kind in sides("Microphone"):
        name, file, media_type = asyncio.run(kind(channels=channels, dtype=dtype, should_record=blocks(3)).record())
        assert (name, media_type) == ("audio.wav", "audio/wav")
        contents.append(file.read())
        file.seek(0)
        with wave.open(file) as read:
            assert (read.getnchannels(), read.getframerate(), read.getnframes()) == (channels, 24000, 3 * BLOCK)
    assert len(set(contents)) == 1


def test_recording_can_be_an_array_and_ends_at_the_timeout() -> None:
    for kind in sides("Microphone"):
        samples = asyncio.run(kind(should_record=blocks(2)).record(return_ndarray=True))
        assert samples.shape == (2 * BLOCK, 1)
        assert samples.dtype == np.int16
        microphone = kind(timeout=-1)
        assert asyncio.run(microphone.record(True)).tolist() == []
        assert (microphone.channels, microphone.buffer_chunks, microphone.has_record_function) == (1, [], False)


SPEECH = (np.arange(250) * 100).astype(np.int16)


@pytest.mark.parametrize("samples", [SPEECH, (SPEECH / 32767).astype(np.float32).reshape(-1, 1)])
def test_array_is_played_to_its_end(samples: Any) -> None:
    heard = []
    for kind in sides("LocalAudioPlayer"):
        Stream.played = []
        asyncio.run(kind().play(samples))
        heard.append(np.concatenate(Stream.played))
    expected = np.concatenate([SPEECH / 32767, np.zeros(50)]).astype(np.float32)
    assert all(np.allclose(each.ravel(), expected) for each in heard)


def test_speech_is_played_from_responses_of_every_kind() -> None:
    server = oai.FakeTransport()
    server.audio.speech.create.returns(SPEECH.tobytes())
    client = oai.OpenAI(transport=server)
    request: dict[str, Any] = {"model": "m", "voice": "alloy", "input": "Hi.", "response_format": "pcm"}

    async def streamed() -> None:
        client = oai.AsyncOpenAI(transport=server)
        async with client.audio.speech.with_streaming_response.create(**request) as response:
            await LocalAudioPlayer().play(response)

    asyncio.run(LocalAudioPlayer().play(client.audio.speech.create(**request)))
    with client.audio.speech.with_streaming_response.create(**request) as response:
        asyncio.run(LocalAudioPlayer().play(response))
    asyncio.run(streamed())
    assert len(Stream.played) == 9


def test_arrays_of_a_stream_are_played_as_they_come() -> None:
    async def speech() -> AsyncIterator[Any]:
        yield SPEECH[:30]
        yield (SPEECH[30:] / 32767).astype(np.float32).reshape(-1, 1)
        yield None

    asyncio.run(LocalAudioPlayer().play_stream(speech()))
    heard = np.concatenate([*Stream.played, np.zeros((BLOCK, 1))]).ravel()
    assert np.allclose(heard[:200], SPEECH[:200] / 32767)
    assert Stream.options == {"samplerate": 24000, "channels": 1, "dtype": np.float32}


def test_error_of_a_stream_ends_the_playing() -> None:
    async def speech() -> AsyncIterator[Any]:
        yield SPEECH
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(LocalAudioPlayer().play_stream(speech()))


def test_playing_stops_early() -> None:
    asyncio.run(LocalAudioPlayer(should_stop=lambda: len(Stream.played) >= 2).play(SPEECH))
    assert len(Stream.played) == 2


def test_samples_of_another_type_are_rejected() -> None:
    with pytest.raises(ValueError, match="float64"):
        asyncio.run(LocalAudioPlayer().play(np.zeros(5)))


def test_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(oai.OpenAIError, match=r"sounddevice.*pip install 'oai\[voice_helpers\]'"):
        asyncio.run(Microphone().record())
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(oai.OpenAIError, match="needs numpy"):
        LocalAudioPlayer()
