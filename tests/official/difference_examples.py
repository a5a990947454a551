"""A minimal example of every difference between `oai` and the official SDK that is known, by its name in `faults`."""

from __future__ import annotations

import enum
import io
import json
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal, Union

import pydantic

from tests.official.answers_drawn import sound
from tests.official.sides import SIDES, Exchange, Reply, client, outcome, quiet
from tests.official.streams_compared import plain, read_events
from tests.official.streams_drawn import Answer, EventLog, Weather, chunk
from tests.official.test_differential_errors import raised
from tests.official.test_differential_schemas import used

Example = Callable[[Any], Any]

CHAT: dict[str, Any] = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}


class Point(pydantic.BaseModel):
    x: int
    inner: Any = pydantic.Field(default=None, alias="in")


class Titled(pydantic.BaseModel):
    value: Weather = pydantic.Field(title="Its title")


class Mixed(pydantic.BaseModel):
    value: Literal["a", 1]


class Limited(pydantic.BaseModel):
    value: str = pydantic.Field(min_length=1)


class Loose(pydantic.BaseModel):
    value: dict[str, int]


class Defaulted(pydantic.BaseModel):
    value: str = "a"


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


class Pet(pydantic.BaseModel):
    pet: Annotated[Union[Cat, Dog], pydantic.Field(discriminator="kind")]  # noqa: UP007 - in its older form


class Inlined(pydantic.BaseModel):
    value: Weather = pydantic.Field(description="Replaces the reference.")


class Indented(pydantic.BaseModel):
    """First line.

    Second line.
    """

    value: str


class Colour(enum.Enum):
    RED = "red"


def sends(path: str, **arguments: Any) -> Example:
    """Compare the requests, or the exceptions, of a call."""

    def example(module: Any) -> Any:
        found = outcome(module, lambda made: attrgetter(path)(made)(**arguments))
        return found.requests or found.error

    return example


def gives(call: Callable[[Any], Any], answer: Any) -> Example:
    """Compare what a function makes of a client."""
    reply = answer if isinstance(answer, Reply) else Reply.of_json(answer)

    def example(module: Any) -> Any:
        found = outcome(module, call, reply)
        return found.error or found.result

    return example


def schema(model: type[pydantic.BaseModel]) -> Example:
    def example(module: Any) -> Any:
        def call(made: Any) -> None:
            made.responses.parse(model="m", input="i", text_format=model)

        answer = Reply.of_json({"id": "r", "object": "response", "created_at": 1, "model": "m", "output": []})
        found = outcome(module, call, answer)
        return found.requests or found.error

    return example


def tool(model: type[pydantic.BaseModel]) -> Example:
    return lambda module: json.loads(json.dumps(module.pydantic_function_tool(model)))


def fails(answer: Any, **headers: str) -> Example:
    """Compare the errors of a call that the server refuses."""

    def example(module: Any) -> Any:
        reply = answer if isinstance(answer, Reply) else Reply.of_json(answer)
        fields = (*reply.headers, *((name.replace("_", "-"), value) for name, value in headers.items()))
        return raised(module, Reply(429 if headers else 400, fields, reply.pieces), 1 if headers else 0)

    return example


def streams(chunks: list[Any], look: Callable[[Any, list[Any], Any], Any], **params: Any) -> Example:
    """Compare a view of what a chat stream yields: of events, error, and the stream."""

    def example(module: Any) -> Any:
        def call(made: Any) -> Any:
            with made.chat.completions.stream(model="m", messages=[], **params) as stream:
                events, error = read_events(stream)
                return look(stream, events, error)

        found = outcome(module, call, Reply.of_events(chunks))
        return found.error or found.result

    return example


def responds(log: EventLog, look: Callable[[Any, list[Any], Any], Any]) -> Example:
    def example(module: Any) -> Any:
        def call(made: Any) -> Any:
            with made.responses.stream(model="m", input="i") as stream:
                events, error = read_events(stream)
                return look(stream, events, error)

        found = outcome(module, call, Reply.of_events(log.events, named=True, done=False))
        return found.error or found.result

    return example


def option(**options: Any) -> Example:
    def example(module: Any) -> Any:
        exchange = Exchange(lambda _: Reply.of_json({"object": "list", "data": []}))
        try:
            client(module, exchange, **options).models.list()
        except Exception as error:  # noqa: BLE001 - which it is, is compared
            return type(error).__name__
        return exchange.requests

    return example


def warned_twice(module: Any) -> int:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = client(module, Exchange())
        for _ in range(2):
            made.beta.assistants.retrieve("a")
    return sum(issubclass(each.category, DeprecationWarning) for each in caught)


def moved() -> io.BytesIO:
    made = io.BytesIO()
    made.write(b"PAYLOAD")
    return made


def uploads(make: Callable[[], Any]) -> Example:
    def example(module: Any) -> Any:
        return sends("files.create", purpose="p", file=make())(module)

    return example


def nameless() -> io.BytesIO:
    made = io.BytesIO(b"x")
    made.name = None  # type: ignore[attr-defined]  # as that of a temporary file may be
    return made


FINISHED = [chunk(0, {"role": "assistant", "content": "a"}), chunk(0, {}, "length")]
PARTIAL = [
    chunk(0, {"role": "assistant", "content": '{"title": "ab'}),
    chunk(0, {"content": '", "score": 1, "tags": []}'}),
    chunk(0, {}, "stop"),
]
TOO_LONG = [
    chunk(0, {"role": "assistant", "content": "{"}),
    chunk(0, {}, "length"),
    {**CHAT, "object": "chat.completion.chunk"},
]
FIELDS = [{**chunk(0, {"role": "assistant", "content": "a"}), "system_fingerprint": "f"}, chunk(0, {}, "stop")]
CALLED = [
    chunk(
        0,
        {
            "tool_calls": [
                {"index": 0, "id": "i", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}
            ]
        },
    ),
    chunk(0, {}, "tool_calls"),
]


def call(index: int, arguments: str, **first: Any) -> dict[str, Any]:
    name = {"name": "Weather"} if first else {}
    return chunk(0, {"tool_calls": [{"index": index, **first, "function": {**name, "arguments": arguments}}]})


TWO_CALLS = [
    call(0, "", id="a", type="function"),
    call(1, "", id="b", type="function"),
    call(1, "{}"),
    chunk(0, {}, "tool_calls"),
]
INTERLEAVED = [
    call(0, "{", id="a", type="function"),
    call(1, "{", id="b", type="function"),
    call(0, "}"),
    call(1, "}"),
    chunk(0, {}, "tool_calls"),
]
CUSTOM = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "n", "input": "x"}}


def types(stream: Any, events: list[Any], error: Any) -> list[str]:
    return [each["type"] for each in events]


def message(stream: Any, events: list[Any], error: Any) -> Any:
    return plain(stream.get_final_completion().choices[0].message)


def stopped(*deltas: Any) -> list[Any]:
    return [*[chunk(0, delta) for delta in deltas], chunk(0, {}, "stop")]


def parsed_in_pieces(module: Any) -> Any:
    def call(made: Any) -> Any:
        with made.chat.completions.stream(model="m", messages=[], response_format=Answer) as stream:
            return [event.parsed for event in stream if event.type == "content.delta"]

    return outcome(module, call, Reply.of_events(PARTIAL)).result


def broken() -> EventLog:
    log = EventLog()
    log.add("response.created", response=log.response("in_progress"))
    log.add("error", code="c", message="m", param=None)
    return log


def failed() -> EventLog:
    log = EventLog()
    log.add("response.created", response=log.response("in_progress"))
    log.add("response.failed", response=log.response("failed"))
    return log


def lifecycle(*items: tuple[str, dict[str, Any]], number: str = "r", output: list[Any] | None = None) -> EventLog:
    """Return the events of a response: its items, each with its event's type, and its end, with an id and an output."""
    log = EventLog()
    log.add("response.created", response={"id": "r", "output": []})
    for kind, item in items:
        log.add(f"response.output_item.{kind}", output_index=0, item=item)
    log.add("response.completed", response={"id": number, "status": "completed", "output": output})
    return log


def unannounced() -> EventLog:
    log = EventLog()
    log.add("response.created", response={"id": "r", "output": []})
    where = {"output_index": 0, "content_index": 0, "item_id": "m"}
    log.add("response.output_text.delta", **where, delta="a", logprobs=[])
    log.add("response.completed", response={"id": "r", "status": "completed", "output": None})
    return log


ITEM = {
    "type": "message",
    "id": "m",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "a", "annotations": []}],
}
OTHER_ITEM = {**ITEM, "id": "n"}
MODERATION = json.loads(sound("moderations.create"))
ERROR = {"message": "m", "code": "c"}

EXAMPLES: dict[str, Example] = {
    "client: strict validation": option(_strict_response_validation=True),
    "client: key with spaces": option(api_key="My API Key"),
    "client: deprecations warn once": warned_twice,
    "client: its own headers and query": gives(lambda made: (made.auth_headers, {**made.default_query}), {}),
    "client: spaces around a key": lambda module: isinstance(option(api_key=" k ")(module), list),
    "pages: next_page_info": gives(
        lambda made: made.files.list().next_page_info().params,
        {"object": "list", "data": [{"id": "a"}], "has_more": True, "last_id": "a"},
    ),
    "raw: http_request": gives(lambda made: made.models.with_raw_response.list().http_request.method, {}),
    "raw: http_version": gives(lambda made: made.models.with_raw_response.list().http_version, {}),
    "raw: encoding of a binary response": gives(lambda made: made.files.content("f").encoding, {}),
    "results: embeddings": gives(
        lambda made: json.dumps(made.embeddings.create(model="m", input="i").data[0].embedding),
        {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}]},
    ),
    "results: text formats": gives(
        lambda made: isinstance(made.audio.transcriptions.create(file=b"x", model="m", response_format="text"), str),
        {"text": "x"},
    ),
    "results: verbose transcriptions": gives(
        lambda made: made.audio.transcriptions.create(file=b"x", model="m", response_format="verbose_json").words,
        {"text": "x"},
    ),
    "raw: is_closed": gives(lambda made: made.models.with_raw_response.list().is_closed, {}),
    "stream: response.close": gives(
        lambda made: made.chat.completions.create(model="m", messages=[], stream=True).response.close(),
        Reply.of_events(FINISHED),
    ),
    "request: nested names": sends("beta.agents.create", model="m", compaction={"async_": True}),
    "request: datetimes in a query": sends("files.list", after=date(2024, 1, 2)),
    "request: models in a query": sends("chat.completions.list", metadata=Point(x=1)),
    "request: UTC in JSON": sends("conversations.create", metadata={"a": datetime(2024, 1, 2, tzinfo=UTC)}),
    "request: extra_body without a body": sends("models.list", extra_body={"a": 1}),
    "request: streams are sent whole": uploads(moved),
    "request: text as the content of a file": uploads(lambda: ("n.txt", "text")),
    "request: empty files": sends("containers.files.create", container_id="c", file=b""),
    "request: stream of parse": lambda module: (
        outcome(module, lambda made: made.chat.completions.parse(model="m", messages=[]), Reply.of_json(CHAT)).requests
    ),
    "results: nulls": gives(lambda made: made.conversations.create().to_dict(), {"id": "c", "metadata": None}),
    "results: invented tags": gives(
        lambda made: made.conversations.items.retrieve("i", conversation_id="c").to_dict(), {"id": "i", "role": "user"}
    ),
    "results: API names in model_dump": gives(
        lambda made: made.moderations.create(input="i").results[0].categories.model_dump(), MODERATION
    ),
    "results: reserved names in model_dump": gives(
        lambda made: made.evals.retrieve("e").data_source_config.model_dump(exclude_unset=True),
        {"id": "e", "data_source_config": {"type": "custom", "schema": None}},
    ),
    "errors: body": fails({"error": "s"}),
    "errors: param": fails({"error": {"param": ["a"]}}),
    "errors: charset": fails(Reply(400, (("content-type", "text/plain; charset=latin-1"),), (b"\xff",))),
    "errors: retry-after": fails({"error": ERROR}, retry_after="inf"),
    "streams: parsed data in dumps": streams(
        PARTIAL,
        lambda stream, *_: sorted(stream.get_final_completion().choices[0].message.model_dump(exclude_none=True)),
        response_format=Answer,
    ),
    "streams: partial values": parsed_in_pieces,
    "results: unfinished without a type": gives(
        lambda made: len(made.chat.completions.parse(model="m", messages=[]).choices),
        {
            **CHAT,
            "choices": [{"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "a"}}],
        },
    ),
    "streams: error events": responds(broken(), lambda stream, events, error: [each["type"] for each in events]),
    "streams: unfinished choices raise at once": streams(
        TOO_LONG, lambda stream, events, error: len(events), response_format=Answer
    ),
    "streams: empty arguments": streams(TWO_CALLS, types),
    "streams: chunks of Azure": streams(
        [{**chunk(0, {}), "object": "", "choices": []}, *stopped({"role": "assistant", "content": "a"})], types
    ),
    "streams: new lists": streams(
        stopped({"role": "assistant"}, *[{"details": [{"index": 0, "text": text}]} for text in "ab"]), message
    ),
    "streams: done without a finish reason": streams([chunk(0, {"role": "assistant", "content": "a"})], types),
    "schemas: limits": schema(Limited),
    "schemas: loose types": schema(Loose),
    "schemas: defaults, examples and own keys": schema(Defaulted),
    "schemas: titles": lambda module: used(schema(Titled)(module)[0].body),
    "schemas: literals of several types": schema(Mixed),
    # On purpose:
    "results: parsed values": gives(
        lambda made: sorted(
            made.chat.completions.parse(model="m", messages=[], response_format=Weather).choices[0].message.to_dict()
        ),
        {
            **CHAT,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": '{"city": "P", "days": 1}'},
                }
            ],
        },
    ),
    "request: types that JSON lacks": sends("conversations.create", metadata={"a": Colour.RED}),
    "request: headers beyond ASCII": sends("models.list", extra_headers={"x-a": "é"}),
    "request: nested models in a query": sends("chat.completions.list", metadata=[Point(x=1)]),
    "request: aliases of pydantic models": sends("responses.create", include=Point(x=1, **{"in": 2})),
    "request: backslashes in names of a form": sends("files.create", file=b"x", purpose="p", expires_after={"\\\\": 1}),
    "request: leading empty texts": sends("files.create", file=b"x", purpose="p", expires_after=["", "a"]),
    "request: a stream called None": uploads(nameless),
    "raw: json": gives(lambda made: made.models.with_raw_response.list().json(), {"a": 1}),
    "client: base_url": gives(lambda made: str(made.base_url), {}),
    "results: text is a str": gives(
        lambda made: type(made.audio.transcriptions.create(file=b"x", model="m", response_format="text")).__name__,
        Reply(200, (("content-type", "text/plain"),), (b"x",)),
    ),
    "results: numbers as text": gives(
        lambda made: made.beta.threads.runs.retrieve("r", thread_id="t").to_dict(),
        {"usage": {"completion_tokens": "12", "prompt_tokens": 1, "total_tokens": 1}},
    ),
    "results: unions without a tag": gives(
        lambda made: made.evals.retrieve("e").model_dump(exclude_none=True),
        {"data_source_config": {"type": None, "schema": {}}},
    ),
    "results: pages": gives(lambda made: "first_id" in made.files.list().model_dump(), {"object": "list", "data": []}),
    "streams: interleaved calls": streams(INTERLEAVED, types),
    "streams: new numbers": streams(stopped({"role": "assistant", "new": 1}, {"new": 2}), message),
    "streams: roles": streams(stopped({"content": "a"}), message),
    "streams: custom tools": streams([chunk(0, {"tool_calls": [CUSTOM]}), chunk(0, {}, "tool_calls")], message),
    "streams: null deltas": streams(
        stopped({"role": "assistant", "content": "a"}, None), lambda stream, events, error: error
    ),
    "streams: error events raise": responds(broken(), lambda stream, events, error: error),
    "streams: errors within": streams([chunk(0, {}), {"error": ERROR}], lambda stream, events, error: error),
    "streams: malformed answers": streams(
        stopped({"role": "assistant", "content": "a"}), lambda stream, events, error: error, response_format=Answer
    ),
    "streams: order of choices": streams(
        [chunk(1, {"content": "a"}), chunk(0, {"content": "b"}), chunk(0, {}, "stop"), chunk(1, {}, "stop")],
        lambda stream, events, error: error,
    ),
    "streams: fields of single chunks": streams(
        FIELDS, lambda stream, *_: stream.get_final_completion().system_fingerprint
    ),
    "streams: index of finished calls": streams(
        CALLED, lambda stream, *_: "index" in stream.get_final_completion().choices[0].message.tool_calls[0].to_dict()
    ),
    "streams: unfinished responses": responds(failed(), lambda stream, *_: stream.get_final_response().status),
    "streams: changed ids of responses": responds(lifecycle(number="s"), lambda stream, events, error: error),
    "streams: changed ids of items": responds(
        lifecycle(("added", ITEM), ("done", OTHER_ITEM)), lambda stream, events, error: error
    ),
    "streams: items announced twice": responds(
        lifecycle(("added", ITEM), ("added", ITEM), ("done", ITEM)),
        lambda stream, events, error: error,
    ),
    "streams: items without an end": responds(lifecycle(("added", ITEM)), lambda stream, events, error: error),
    "streams: items without a beginning": responds(unannounced(), lambda stream, events, error: error),
    "streams: empty final outputs": responds(
        lifecycle(("done", ITEM), output=[]), lambda stream, *_: stream.get_final_response().output_text
    ),
    "schemas: unused definitions": schema(Inlined),
    "schemas: indented descriptions": tool(Indented),
    "schemas: unions with a discriminator": schema(Pet),
    "errors: lists": fails([ERROR]),
}


def compared(name: str) -> tuple[Any, Any]:
    """Return what either client makes of an example."""
    with quiet():
        ours, theirs = (EXAMPLES[name](module) for module in SIDES)
    return ours, theirs
