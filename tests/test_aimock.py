"""Scenarios against aimock, a stateful third-party server that is started on loopback.

Install it with `npm install --prefix tests/npm --no-package-lock`; without it, these tests are skipped.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paths import TESTS
from planted import KEY

import oai
from oai._cli.main import main
from oai._flow.steps import run, run_async
from oai._request.client_core import core_of

HERE = TESTS / "npm"
PROGRAM = HERE / "node_modules/@copilotkit/aimock/dist/cli.js"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not PROGRAM.exists(), reason="needs aimock: npm install --prefix tests/npm --no-package-lock"
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The base URL of a running aimock."""
    environment = {**os.environ, "AIMOCK_API_KEYS": KEY}
    command = [str(NODE), str(PROGRAM), "--port", "0", "--fixtures", str(HERE / "aimock.json"), "--chunk-size", "8"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"listening on (http://\S+)", line):
                    yield f"{found[1]}/v1"
                    break
            else:
                pytest.fail("aimock did not start")
        finally:
            process.terminate()


@pytest.fixture(params=["sync", "async"])
def aimock(request: pytest.FixtureRequest, url: str) -> Callable[..., Any]:
    """Run a scenario with a client of aimock."""

    def play(scenario: Callable[..., Any], **options: Any) -> Any:
        base = {"api_key": KEY, "base_url": url, "timeout": 20, "max_retries": 1}
        if request.param == "sync":
            with oai.OpenAI(**{**base, **options}) as client:
                return run(scenario(client))

        async def main() -> Any:
            async with oai.AsyncOpenAI(**{**base, **options}) as client:
                return await run_async(scenario(client))

        return asyncio.run(main())

    return play


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def chat(text: str) -> Callable[..., Any]:
    def scenario(client: Any) -> Any:
        return (yield client.chat.completions.create(model="gpt-5", messages=user(text)))

    return scenario


def items(client: Any, source: Any) -> Any:
    """Collect the items of an iterable of either client."""
    if not core_of(client).is_async:
        return list(source)

    async def collect() -> list[Any]:
        return [each async for each in source]

    return collect()


def test_chat(aimock: Callable[..., Any]) -> None:
    answer = aimock(chat("greet"))
    assert answer.choices[0].message.content == "Hello from a server of somebody else's, in several chunks."


def test_streams_with_tools(aimock: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        messages = user("weather")
        stream = yield client.chat.completions.create(model="gpt-5", messages=messages, stream=True)
        arguments, name, call = "", None, None
        for chunk in (yield items(client, stream)):
            for tool in chunk.choices[0].delta.tool_calls or ():
                name, call = tool.function.name or name, tool.id or call
                arguments += tool.function.arguments or ""
        tool_call = {"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}
        messages += [
            {"role": "assistant", "tool_calls": [tool_call]},
            {"role": "tool", "tool_call_id": call, "content": "sunny"},
        ]
        stream = yield client.chat.completions.create(model="gpt-5", messages=messages, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in (yield items(client, stream)))
        return name, json.loads(arguments), text

    assert aimock(scenario) == ("weather", {"city": "Bonn", "days": 3}, "Sunny, says the tool.")


def test_responses(aimock: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        whole = yield client.responses.create(model="gpt-5", input="greet me")
        events = yield items(client, (yield client.responses.create(model="gpt-5", input="greet me", stream=True)))
        return whole, events

    whole, events = aimock(scenario)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 3
    assert "".join(deltas) == whole.output_text == events[-1].response.output_text
    assert events[-1].type == "response.completed"


def test_files_with_pages(aimock: Callable[..., Any]) -> None:
    contents = [f"file {number}".encode() * 1000 for number in range(5)]

    def scenario(client: Any) -> Any:
        files = []
        for number, content in enumerate(contents):
            file = (f"{number}.txt", content)
            files.append((yield client.files.create(file=file, purpose="user_data")))
        listed = yield items(client, client.files.list(limit=2, order="asc", purpose="user_data"))
        read = []
        for file in files:
            read.append((yield client.files.content(file.id)).content)  # noqa: PERF401 - a comprehension cannot yield
        for file in files:
            yield client.files.delete(file.id)
        with pytest.raises(oai.NotFoundError, match="No such file"):
            yield client.files.retrieve(files[0].id)
        return files, listed, read

    files, listed, read = aimock(scenario)
    assert read == contents
    assert [file.id for file in listed] == [file.id for file in files]


def test_a_batch(aimock: Callable[..., Any]) -> None:
    body = {"model": "gpt-5", "messages": user("greet")}
    line = json.dumps({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body})

    def scenario(client: Any) -> Any:
        file = yield client.files.create(file=("in.jsonl", line.encode()), purpose="batch")
        batch = yield client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        for _ in range(10):
            if batch.status == "completed":
                break
            batch = yield client.batches.retrieve(batch.id)
        return batch, (yield client.files.content(batch.output_file_id)).text

    batch, output = aimock(scenario)
    assert batch.request_counts.completed == 1
    assert json.loads(output)["custom_id"] == "1"


def test_speech_and_transcription(aimock: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        speech = yield client.audio.speech.create(model="tts-1", voice="alloy", input="say it")
        text = yield client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", speech.content))
        return speech.content, text.text

    assert aimock(scenario) == (b"hello audio", "What was said.")


def test_embeddings(aimock: Callable[..., Any]) -> None:
    def scenario(client: Any) -> Any:
        return (yield client.embeddings.create(model="embed", input="embed me", encoding_format="float"))

    assert list(aimock(scenario).data[0].embedding) == [0.25, -0.5, 1.0]


def test_wrong_key_raises_authentication_error(aimock: Callable[..., Any]) -> None:
    with pytest.raises(oai.AuthenticationError) as caught:
        aimock(chat("greet"), api_key="another")
    assert caught.value.status_code == 401


def test_429_is_retried(aimock: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    # The server counts requests by this header, so each client needs a value of its own.
    counted = {"x-test-id": request.node.name}
    answer = aimock(chat("busy once"), default_headers=counted)
    assert answer.choices[0].message.content == "Here I am."
    assert answer._response.retries_taken == 1
    with pytest.raises(oai.RateLimitError, match="Slow down") as caught:
        aimock(chat("busy always"))
    assert caught.value.code == "rate_limit_exceeded"


def test_503_raises_internal_server_error(aimock: Callable[..., Any]) -> None:
    with pytest.raises(oai.InternalServerError, match="Overloaded") as caught:
        aimock(chat("broken"), max_retries=0)
    assert caught.value.status_code == 503


def test_conversation_in_the_terminal_runs_tools(
    url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "forecast.py").write_text(
        "def weather(city: str, days: int) -> str:\n    '''Look up the weather.'''\n    return f'sunny in {city}'\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(sys, "stdin", io.StringIO("greet me\nweather?\n"))
    assert main(["--base-url", url, "chat", "model=gpt-5", "--tools", "forecast"]) == 0
    output, notices = capfd.readouterr()
    assert output == "Hello from a server of somebody else's, in several chunks.\nSunny, says the tool.\n"
    assert notices == 'weather({"city":"Bonn","days":3})\n'
