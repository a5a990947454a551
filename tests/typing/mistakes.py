"""Calls that type checkers must reject: each line that ends in `# wrong`, and no other.

It is checked by `tests/test_typing.py` and never run.
"""

# pyright: strict, reportUnusedExpression=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# ruff: noqa: B007, B018, F401
from __future__ import annotations

import oai
from oai import types
from oai.lib.computer import ComputerToolset
from oai.lib.responses_tool_runner import AsyncRegisteredFunction, AsyncResponsesToolRunner, ResponsesToolRunner
from oai.types.chat import ChatCompletionn  # wrong

client = oai.OpenAI(timeout=3)

oai.OpenAII  # wrong
types.chat.ChatCompletionn  # wrong
oai.OpenAI(api_kye="")  # wrong
client.with_options(timout=3)  # wrong
client.get("/a", qurey={})  # wrong

client.chat.completion  # wrong
client.chats  # wrong
client.chat = client.chat  # wrong
client.chat.completions.create(model="gpt-5", messages=[], temprature=1)  # wrong
client.chat.completions.create(messages=[])  # wrong
client.chat.completions.create(model="gpt-5", messages=[{"role": "usr"}])  # wrong
client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "contents": ""}])  # wrong
client.chat.completions.create(model="gpt-5", messages=[{"role": "user"}])  # wrong
client.chat.completions.create(model="gpt-5", messages=[], stream="yes")  # wrong
client.chat.completions.create(model="gpt-5", messages=[]).choice  # wrong
client.chat.completions.create(model="gpt-5", messages=[], stream=True).choices  # wrong
client.chat.completions.create("gpt-5", messages=[])  # wrong

client.realtime.connect(modle="m")  # wrong
client.realtime.connect(model="m").recv()  # wrong
client.realtime.connect(model="m").enter().session.update()  # wrong
client.realtime.connect(model="m").enter().session.update(session={"type": "real"})  # wrong
client.realtime.connect(model="m").enter().session.upgrade(session={"type": "realtime"})  # wrong
client.realtime.connect(model="m").enter().recv().delta  # wrong
client.audio.transcriptions.create(file="a", model="m", response_format="xml")  # wrong
client.audio.transcriptions.create(file="a", model="m", response_format="srt").text  # wrong
client.vector_stores.search("vs_1", query="a", filters={"type": "or", "filters": [{"type": "and"}]})  # wrong
client.files.list(order="up")  # wrong
client.files.create(file=3, purpose="user_data")  # wrong
client.files.retrieve()  # wrong
client.files("file_1", limit=3)  # wrong
client.files.list().data[0].file_name  # wrong

with client.chat.completions.stream(model="gpt-5", messages=[]) as stream:
    for event in stream:
        event.delta  # wrong
        if event.type == "content.delta":
            event.content  # wrong
with client.responses.stream(model="gpt-5", input="Hello") as stream_of_response:
    for each in stream_of_response:
        each.snapshot  # wrong
        if each.type == "response.created":
            each.delta  # wrong
        if each.type == "response.output_text.delta":
            each.parsed  # wrong

client.batch(journel="a")  # wrong
with client.batch() as queue:
    queue.files.create(file=b"", purpose="batch")  # wrong
    queue.chat.completions.list()  # wrong
    queue.chat.completions.create(model="gpt-5", messages=[], stream=True)  # wrong
    queue.chat.completions.create(model="gpt-5", messages=[], extra_headers={"X-One": "1"})  # wrong
    queue.chat.completions.create(model="gpt-5", messages=[]).choices  # wrong
    queue.responses.create(model="gpt-5", input="Hello").result().choices  # wrong


async def awaited() -> None:
    caller = oai.AsyncOpenAI()
    (await caller.files.retreive("file_1")).id  # wrong
    (caller.files.retrieve("file_1")).id  # wrong
    (await caller.files.list()).get_next_page().data  # wrong
    oai.OpenAI(transport=oai.AiohttpTransport())  # wrong
    for file in caller.files.list():  # wrong
        break
    await caller.chat.completions.create(model="gpt-5", messages=[], temprature=1)  # wrong
    await caller.beta.agents.sessions.artifacts.for_result(1).content("/workspace/a")  # wrong
    caller.beta.agents.sessions.stream("s")  # wrong


async def approve(_: object) -> bool:
    return True


def run_tools(runner: ResponsesToolRunner, other: AsyncResponsesToolRunner, toolset: ComputerToolset) -> None:
    runner.run(client, {}, max_step=3)  # wrong
    runner.iterate(client, {}, stream="yes")  # wrong
    runner.run(client, {}, approve_mcp=approve)  # wrong
    other.iterate(client, {}, max_step=3)  # wrong
    toolset.run(client, {}, before_action=approve)  # wrong
    ResponsesToolRunner(functions=[AsyncRegisteredFunction({}, approve)])  # wrong
