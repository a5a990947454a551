"""Common calls with their expected types. `tests/stubs/test_typing.py` type-checks this file; it never runs."""
# pyright: strict, reportDeprecated=false

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, assert_type

import oai
from oai import types
from oai.helpers.streaming import chat_events as chat_events_of
from oai.helpers.streaming import response_events as response_events_of
from oai.lib.beta import agents

client = oai.OpenAI(api_key="", max_retries=1, timeout=oai.Timeout(10.0), transport=oai.OfflineTransport())
client = oai.OpenAI(transport=oai.Recorder("chat.cassette"), table=["my.toml", Path("other.toml")])
with client:
    assert_type(client, oai.OpenAI)


class Numbers(oai.Stream[int]):
    """A program's own class of streams."""


def chat(stream: bool) -> None:
    answer = client.chat.completions.create(
        model="gpt-5",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        ],
        temperature=0.2,
        top_p=None,
        stop=oai.omit,
        tools=[{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}],
        response_format={"type": "json_object"},
        extra_headers={"X-One": "1", "X-Two": None},
        extra_query={"a": ["b"]},
        extra_body={"top_k": 3},
        timeout=5,
    )
    assert_type(answer, types.chat.ChatCompletion)
    assert_type(answer.choices[0].message.content, str | None)
    assert_type(answer.to_dict(), dict[str, Any])

    chunks = client.chat.completions.create(model="gpt-5", messages=[], stream=True)
    assert_type(chunks, oai.Stream[types.chat.ChatCompletionChunk])
    with chunks as events:
        for chunk in events:
            assert_type(chunk, types.chat.ChatCompletionChunk)
            assert_type(chunk.choices[0].delta.content, str | None)
    plain = client.chat.completions.create(model="gpt-5", messages=[], stream=False)
    assert_type(plain, types.chat.ChatCompletion)
    either = client.chat.completions.create(model="gpt-5", messages=[], stream=stream)
    assert_type(either, types.chat.ChatCompletion | oai.Stream[types.chat.ChatCompletionChunk])
    assert_type(client.chat_completion(model="gpt-5", messages=[]), types.chat.ChatCompletion)
    raw = client.chat.completions.with_raw_response.create(model="gpt-5", messages=[])
    assert_type(raw, oai.RawResponse[types.chat.ChatCompletion])
    assert_type(raw.parse(), types.chat.ChatCompletion)
    assert_type(raw.rate_limit.remaining_tokens, int | None)
    with client.with_streaming_response.files.content("file-1") as response:
        assert_type(response, oai.StreamedResponse)
        response.stream_to_file("f", progress=print)


class Answer:
    """The type of a parsed response."""


def chat_events() -> None:
    with client.chat.completions.stream(model="gpt-5", messages=[], response_format=Answer) as stream:
        for event in stream:
            if event.type == "content.delta":
                assert_type(event, chat_events_of.ContentDeltaEvent)
                assert_type(event.snapshot, str)
            elif event.type == "content.done":
                assert_type(event, chat_events_of.ContentDoneEvent[Answer])
                assert_type(event.parsed, Answer | None)
            elif event.type == "tool_calls.function.arguments.done":
                assert_type(event, chat_events_of.FunctionToolCallArgumentsDoneEvent)
            elif event.type == "chunk":
                assert_type(event, chat_events_of.ChunkEvent)
                assert_type(event.chunk, types.chat.ChatCompletionChunk)
        assert_type(stream.get_final_completion().choices[0].message.parsed, Answer | None)
    with client.chat.completions.stream(model="gpt-5", messages=[]) as untyped:
        for event in untyped:
            if event.type == "content.done":
                assert_type(event.content, str)
            elif isinstance(event, chat_events_of.RefusalDeltaEvent):
                assert_type(event.delta, str)


async def response_events() -> None:
    async with oai.AsyncOpenAI().responses.stream(model="gpt-5", input="Hello", text_format=Answer) as stream:
        async for event in stream:
            if event.type == "response.output_text.delta":
                assert_type(event, response_events_of.ResponseTextDeltaEvent)
                assert_type(event.snapshot, str)
            elif event.type == "response.output_text.done":
                assert_type(event.parsed, Answer | None)
            elif event.type == "response.function_call_arguments.delta":
                assert_type(event, response_events_of.ResponseFunctionCallArgumentsDeltaEvent)
            elif event.type == "response.completed":
                assert_type(event, response_events_of.ResponseCompletedEvent[Answer])
                assert_type(event.response.output_parsed, Answer | None)
            elif event.type == "response.created":
                assert_type(event, types.responses.ResponseCreatedEvent)
                assert_type(event.response, types.responses.Response)
            elif event.type == "error":
                assert_type(event.message, str)
    with client.responses.stream(model="gpt-5", input="Hello") as untyped:
        for event in untyped:
            if event.type == "response.output_item.done":
                assert_type(event, types.responses.ResponseOutputItemDoneEvent)


def batch() -> None:
    with client.batch(journal="answers.json", deadline=3600) as queue:
        later = queue.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])
        assert_type(later, oai.Later[types.chat.ChatCompletion])
        assert_type(queue.responses.create(model="gpt-5", input="Hello"), oai.Later[types.responses.Response])
        several = [queue.embeddings.create(model="m", input=text) for text in ("a", "b")]
        assert_type(several, list[oai.Later[types.CreateEmbeddingResponse]])
        assert_type(queue.chat_completion(model="gpt-5", messages=[]), oai.Later[types.chat.ChatCompletion])
        assert_type(queue.images.generate(prompt="A cat", extra_body={"seed": 3}), oai.Later[types.ImagesResponse])
    assert_type(later.result(), types.chat.ChatCompletion)
    assert_type(later.result().choices[0].message.content, str | None)
    assert_type(later.exception(), BaseException | None)


async def batch_of_async() -> None:
    async with oai.AsyncOpenAI().batch() as queue:
        later = queue.moderations.create(input="Hello")
        assert_type(later, oai.Later[types.ModerationCreateResponse])


def module() -> None:
    oai.api_key = "key"
    oai.timeout = 3.0
    assert_type(oai.models.retrieve("m"), types.Model)


async def views() -> None:
    client = oai.AsyncOpenAI()
    raw = await client.files.with_raw_response.list()
    assert_type(raw.parse(), oai.CursorPage[types.FileObject])
    async with client.files.with_streaming_response.content("file-1") as response:
        assert_type(response, oai.AsyncStreamedResponse)
        assert_type(await response.read(), bytes)
    azure = oai.AzureOpenAI(azure_endpoint="https://x.example", api_version="v", azure_deployment="d")
    assert_type(azure.models.retrieve("m"), types.Model)


def responses() -> None:
    answer = client.responses.create(model="gpt-5", input="Hello", reasoning={"effort": "low"})
    assert_type(answer, types.responses.Response)
    for item in answer.output:
        if item.type == "message":
            assert_type(item, types.responses.ResponseOutputMessage)
            for part in item.content:
                if part.type == "output_text":
                    assert_type(part.text, str)
        elif item.type == "function_call":
            assert_type(item.arguments, str)
    for event in client.responses.create(model="gpt-5", input="Hello", stream=True):
        if event.type == "response.output_text.delta":
            assert_type(event.delta, str)
    assert_type(client.responses.retrieve("resp_1"), types.responses.Response)


def realtime() -> None:
    with client.realtime.connect(model="gpt-realtime", websocket_connection_options={"max_size": None}) as connection:
        assert_type(connection.session.update(session={"type": "realtime", "output_modalities": ["text"]}), None)
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
        )
        connection.response.create(event_id="e")
        connection.input_audio_buffer.append(audio="AAAA")
        assert_type(connection.recv_bytes(timeout=1), bytes)
        for event in connection:
            if event.type == "response.output_text.delta":
                assert_type(event, types.realtime.ResponseTextDeltaEvent)
                assert_type(event.delta, str)
        assert_type(connection.recv(), types.realtime.RealtimeServerEvent)
        assert_type(connection.handshake, oai.Response)
    manager = client.live.forks.connect(session_id="s", on_reconnecting=lambda event: {"abort": event.attempt > 1})
    manager.enter().session.input_audio.mute()


async def realtime_async() -> None:
    caller = oai.AsyncOpenAI()
    async with caller.responses.connect(extra_headers={"X-One": "1"}) as connection:
        assert_type(await connection.response.create(model="gpt-5", input="Hello", temperature=None), None)
        async for event in connection:
            if event.type == "response.completed":
                assert_type(event.response, types.responses.Response)
        await connection.close(code=1000)
    opened = await caller.realtime.translations.connect("a-model").enter()
    assert_type(await opened.recv(), types.realtime.RealtimeTranslationServerEvent)
    assert_type(await opened.send({"type": "anything"}), None)


def files(upload: bytes) -> None:
    assert_type(client.files.create(file="notes.txt", purpose="user_data"), types.FileObject)
    client.files.create(file=Path("notes.txt"), purpose="user_data")
    client.files.create(file=("notes.txt", upload, "text/plain"), purpose="user_data")
    page = client.files.list(limit=10, order="asc")
    assert_type(page, oai.CursorPage[types.FileObject])
    assert_type(page.data, list[types.FileObject])
    assert_type(page.has_next_page(), bool)
    assert_type(page.get_next_page(), oai.CursorPage[types.FileObject])
    for each in page.iter_pages():
        assert_type(each, oai.CursorPage[types.FileObject])
    for file in page:
        assert_type(file.filename, str)
    assert_type(client.files.content("file_1"), oai.BinaryResponse)
    assert_type(client.files("file_1"), types.FileObject)
    assert_type(client.files(), oai.CursorPage[types.FileObject])
    assert_type(client.files_upload("notes.txt", purpose="user_data"), types.FileObject)


def others() -> None:
    assert_type(client.models.list().data[0].id, str)
    assert_type(client.models(), oai.Page[types.Model])
    assert_type(client.models("gpt-5"), types.Model)
    assert_type(client.embeddings.create(model="m", input=["a"]), types.CreateEmbeddingResponse)
    assert_type(client.embeddings(model="m", input="a"), types.CreateEmbeddingResponse)
    assert_type(client.images.generate(prompt="a cat"), types.ImagesResponse)
    assert_type(client.images_edits("cat.png", prompt="a hat"), types.ImagesResponse)
    assert_type(client.audio.speech.create(model="tts-1", voice="alloy", input="Hello"), oai.BinaryResponse)
    assert_type(client.moderations.create(input="Hello").results[0].flagged, bool)
    assert_type(client.batches.retrieve("batch_1"), types.Batch)
    assert_type(client.vector_stores.files.list("vs_1"), oai.CursorPage[types.vector_stores.VectorStoreFile])
    assert_type(client.beta.assistants.list(), oai.CursorPage[types.beta.Assistant])


def filters(found: types.CompoundFilter) -> None:
    for each in found.filters:
        if isinstance(each, types.CompoundFilter):
            assert_type(each.filters, list[types.shared.Filter])
        else:
            assert_type(each.key, str)
    client.vector_stores.search(
        "vs_1",
        query="a",
        filters={
            "type": "and",
            "filters": [
                {"type": "or", "filters": [{"type": "eq", "key": "a", "value": 1}]},
                {"type": "gt", "key": "b", "value": 2},
            ],
        },
    )


def transcriptions(form: types.AudioResponseFormat, stream: bool) -> None:
    create = client.audio.transcriptions.create
    assert_type(create(file="a.mp3", model="whisper-1"), types.audio.Transcription)
    assert_type(create(file="a.mp3", model="whisper-1", response_format="json"), types.audio.Transcription)
    verbose = create(file="a.mp3", model="whisper-1", response_format="verbose_json", stream=False)
    assert_type(verbose, types.audio.TranscriptionVerbose)
    assert_type(verbose.duration, float)
    diarized = create(file="a.mp3", model="m", response_format="diarized_json")
    assert_type(diarized, types.audio.TranscriptionDiarized)
    assert_type(create(file="a.mp3", model="whisper-1", response_format="srt"), str)
    assert_type(create(file="a.mp3", model="m", response_format=form), types.audio.TranscriptionCreateResponse | str)
    events = create(file="a.mp3", model="m", stream=True)
    assert_type(events, oai.Stream[types.audio.TranscriptionStreamEvent])
    assert_type(
        create(file="a.mp3", model="m", stream=stream),
        types.audio.TranscriptionCreateResponse | str | oai.Stream[types.audio.TranscriptionStreamEvent],
    )
    assert_type(client.audio_transcription("a.mp3", model="whisper-1", response_format="text"), str)
    translate = client.audio.translations.create
    assert_type(translate(file="a.mp3", model="whisper-1"), types.audio.Translation)
    assert_type(translate(file="a.mp3", model="m", response_format="verbose_json"), types.audio.TranslationVerbose)
    assert_type(translate(file="a.mp3", model="m", response_format="vtt"), str)


def beside_the_table(provide: Callable[[], str]) -> None:
    assert_type(client.with_options(timeout=3, api_key=provide), oai.OpenAI)
    assert_type(client.timeout, oai.Timeout)
    assert_type(client.organization, str | None)
    client.timeout = 3
    client.organization = "org-1"
    assert_type(client.is_closed(), bool)
    assert_type(client.request("POST", "/rerank", cast_to=types.Model, body={"a": 1}), types.Model)
    assert_type(client.get("/file", cast_to=bytes), oai.BinaryResponse)
    assert_type(client.post("/answer", stream=True, stream_cls=types.Model), oai.Stream[types.Model])
    assert_type(client.post("/answer", stream=True, cast_to=types.Model), oai.Stream[types.Model])
    assert_type(client.post("/answer", stream=True, stream_cls=oai.Stream[types.Model]), oai.Stream[types.Model])
    assert_type(client.request("POST", "/answer", stream=True, stream_cls=Numbers), Numbers)
    assert_type(client.get("/whatever"), Any)
    assert_type(client.base_url, str)


async def awaited(stream: bool) -> None:
    async with oai.AsyncOpenAI(api_key="", timeout=3) as caller:
        answer = await caller.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])
        assert_type(answer, types.chat.ChatCompletion)
        chunks = await caller.chat.completions.create(model="gpt-5", messages=[], stream=True)
        assert_type(chunks, oai.AsyncStream[types.chat.ChatCompletionChunk])
        async with chunks as events:
            async for chunk in events:
                assert_type(chunk, types.chat.ChatCompletionChunk)
        either = await caller.chat.completions.create(model="gpt-5", messages=[], stream=stream)
        assert_type(either, types.chat.ChatCompletion | oai.AsyncStream[types.chat.ChatCompletionChunk])
        page = await caller.files.list()
        known: oai.CursorPage[types.FileObject] = page
        assert_type(known.data, list[types.FileObject])
        following = await page.get_next_page()
        assert_type(following.data, list[types.FileObject])
        assert_type((await following.get_next_page()).data[0].filename, str)
        async for each in page.aiter_pages():
            assert_type(each.data, list[types.FileObject])
        async for file in caller.files.list():
            assert_type(file, types.FileObject)
        async for file in page:
            assert_type(file, types.FileObject)
        assert_type(await caller.files.content("file_1"), oai.BinaryResponse)
        assert_type(await caller.models("gpt-5"), types.Model)
        text = await caller.audio.transcriptions.create(file="a.mp3", model="m", response_format="text")
        assert_type(text, str)
        assert_type(await caller.with_options(beta="x").get("/a", cast_to=types.Model), types.Model)


class Found:
    """The output type of an agent."""

    text: str


@agents.function_tool
def look(item: str) -> dict[str, str]:
    """Look up an item."""
    return {"item": item}


@agents.function_tool
async def look_later(item: str) -> dict[str, str]:
    """Look up an item."""
    return {"item": item}


def agent() -> None:
    sessions = client.beta.agents.sessions
    assert_type(look, agents.FunctionTool[Any])
    assert_type(look_later, agents.FunctionTool[Awaitable[Any]])
    handlers = {look.name: look}
    with sessions.create(
        environment={"type": "none"},
        agent={"model": "m", "tools": [look.definition]},
        stream=True,
        tool_handlers=handlers,
        output_type=Found,
    ) as created:
        assert_type(created, agents.AgentSessionEventStream[Found])
        assert_type(created.get_final_result().output_parsed, Found | None)
    assert_type(sessions.create(environment={"type": "none"}), types.beta.AgentSession)
    with sessions.stream("s", input="x", output_type=Found, on_tool_error=print) as stream:
        for event in stream.with_result_collection():
            if event.type == "agent.session.turn.output_text.delta":
                assert_type(event.delta, str)
        result = stream.get_final_result()
        assert_type(result, agents.AgentTurnResult[Found])
        assert_type(result.messages[0].output_text, str)
    artifacts = sessions.artifacts.for_result(result)
    assert_type(artifacts.content("/workspace/outputs/a", timeout=5), oai.BinaryResponse)
    files = client.beta.agents.environments.files
    prepared = files.prepare({"/workspace/a": Path("a")})
    sessions.create(environment={"type": "openai_hosted", "files": prepared.files})
    assert_type(files.upload("e", file=b"x", path="/workspace/a").uploaded_file_id, str)


async def agent_awaited() -> None:
    caller = oai.AsyncOpenAI()
    sessions = caller.beta.agents.sessions
    created = await sessions.create(environment={"type": "none"}, stream=True, output_type=Found)
    assert_type(created, agents.AsyncAgentSessionEventStream[Found])
    async with sessions.stream("s", input="x", output_type=Found) as stream:
        async for event in stream:
            assert_type(event.type == "error", bool)
        result = await stream.get_final_result()
        assert_type(result.output_parsed, Found | None)
    artifacts = sessions.artifacts.for_result(result)
    await artifacts.download("/workspace/outputs/a", to=Path("a"))


def errors() -> None:
    try:
        client.models.list()
    except (oai.APIStatusError, oai.APIResponseValidationError, oai.ResponseTooLargeError) as failed:
        assert_type(failed.request.method, str)
        assert_type(failed.response.status_code, int)
    except (oai.APIConnectionError, oai.PollTimeoutError, oai.WebSocketConnectionClosedError) as lost:
        assert_type(lost.request.method, str)
        assert_type(lost.request.operation, str | None)
    except (oai.StreamError, oai.OAuthError) as broken:
        assert_type(broken.request.url.host, str)
    except oai.APIError as error:
        assert_type(error.request.headers, oai.Headers)
        assert_type(error.request.headers.get("x-own"), str | None)


class Slow:
    """A user's transport that wraps another."""

    def __init__(self, inner: oai.AsyncTransport) -> None:
        self.inner = inner

    async def send(self, request: oai.transports.Request) -> oai.transports.AsyncReply:
        return await self.inner.send(request)

    async def close(self) -> None:
        await self.inner.close()


oai.AsyncOpenAI(transport=Slow(oai.AiohttpTransport()))
oai.AsyncOpenAI(transport=oai.OfflineTransport())
oai.AsyncOpenAI(transport=oai.Recorder("chat.cassette", oai.AiohttpTransport()))
