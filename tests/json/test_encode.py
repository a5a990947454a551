"""Encoding of request bodies: subclasses of builtin types, keys, times, and what JSON cannot express."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

import msgspec
import pytest

from oai import types
from oai._json.encode import encode
from oai.testing import Answer, Loopback

Play = Callable[..., Any]


class Str(str):
    """As numpy.str_, markupsafe.Markup and the package's own Text are."""

    __slots__ = ()


class Float(float):
    """As numpy.float64 is."""


class Int(int):
    pass


class List(list[Any]):
    pass


class Dict(dict[str, Any]):
    pass


class Tuple(tuple[Any, ...]):
    __slots__ = ()


class Color(str, enum.Enum):  # noqa: UP042 - as programs for older versions of Python have it
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 - as untyped programs have them


@dataclasses.dataclass
class Data:
    value: Any = 1


class Plain(msgspec.Struct):
    value: Any = 1


SUBCLASSES = [
    (Str("x"), "x"),
    (Float(0.5), 0.5),
    (Int(5), 5),
    (List([Str("x")]), ["x"]),
    (Tuple((Int(1),)), [1]),
    (Pair(1, Str("x")), [1, "x"]),
    (Dict(a=Str("x")), {"a": "x"}),
    (collections.defaultdict(str, a=Float(1.5)), {"a": 1.5}),
    ({Str("a"): 1}, {"a": 1}),
    (Color.RED, "red"),
    (Level.LOW, 1),
    (Data(Str("x")), {"value": "x"}),
    (Plain([Float(0.5)]), {"value": [0.5]}),
    (collections.UserDict(a=Str("x")), {"a": "x"}),
    ((Str(text) for text in "ab"), ["a", "b"]),
    (collections.deque([Str("x")]), ["x"]),
]


@pytest.mark.parametrize(("value", "sent"), SUBCLASSES)
def test_value_of_a_subclass_is_encoded_like_the_builtin_type(value: Any, sent: Any) -> None:
    for body, expected in (
        (value, sent),
        ({"a": [value]}, {"a": [sent]}),
        (Data({"a": value}), {"value": {"a": sent}}),
    ):
        if not isinstance(value, collections.abc.Iterator):
            assert json.loads(encode(body)) == expected
    if isinstance(value, collections.abc.Iterator):
        assert json.loads(encode({"a": value})) == {"a": sent}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Float("nan"), Float("-inf")])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda number: number,
        lambda number: List([number]),
        lambda number: Dict(a=number),
        Data,
        Plain,
        lambda number: iter([number]),
        lambda number: collections.UserDict(a=number),
        lambda number: types.chat.ChatCompletionMessage.model_construct(role="assistant", new=number),
    ],
)
def test_number_that_json_does_not_have_raises_wherever_it_stands(number: float, wrap: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a JSON number; pass None or omit the parameter$"):
        encode({"deep": [wrap(number)]})


def test_number_that_json_does_not_have_is_named_with_its_path() -> None:
    with pytest.raises(ValueError, match=r"^deep\[1\]\.a cannot be sent as JSON: nan is not a JSON number"):
        encode({"deep": [1, {"a": float("nan")}]})


def test_keys_are_encoded_as_by_python_json() -> None:
    value = {"a": {None: 1, True: 2, False: 3, 4: 5, 1.5: 6}}
    assert json.loads(encode(value)) == json.loads(json.dumps(value))
    assert json.loads(encode({**value, "b": None})) == json.loads(json.dumps({**value, "b": None}))


class Timestamp(datetime):
    """As pandas.Timestamp is."""


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
        (datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2024-01-02T03:04:05.000006+00:00"),
        (datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=-2))), "2024-01-02T00:00:00-02:00"),
        (datetime(2024, 1, 2), "2024-01-02T00:00:00"),  # noqa: DTZ001 - without a zone
        (Timestamp(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
        (time(1, 2, tzinfo=UTC), "01:02:00+00:00"),
        (Data(datetime(2024, 1, 2, tzinfo=UTC)), {"value": "2024-01-02T00:00:00+00:00"}),
    ],
)
def test_times_in_utc_are_sent_as_the_official_sdk_does(value: Any, sent: Any) -> None:
    assert json.loads(encode({"a": [value]})) == {"a": [sent]}


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def cycle() -> Any:
    value: list[Any] = []
    value.append({"a": value})
    return value


@pytest.mark.parametrize("value", [nested(5000), cycle(), {"a": nested(5000)}, {"a": Data(cycle())}])
def test_endless_nesting_raises_a_named_error(value: Any) -> None:
    with pytest.raises(ValueError, match="^v cannot be sent as JSON: it is nested too deeply, or contains itself$"):
        encode({"u": 1, "v": value})
    with pytest.raises(ValueError, match="it is nested too deeply, or contains itself$"):
        encode(value)


def test_class_where_a_value_belongs_is_named() -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic comes with the official SDK, which is not installed")
    model = pydantic.create_model("Answer", a=(int, 1))
    for kind in (model, Data, int):
        with pytest.raises(
            TypeError, match=f"^v cannot be sent as JSON: {kind.__name__} is a class; pass an instance$"
        ):
            encode({"v": kind})


@pytest.mark.filterwarnings("ignore:audio.translations.create is deprecated")
@pytest.mark.parametrize("text_format", ["text", "srt", "vtt"])
@pytest.mark.parametrize("operation", ["transcriptions", "translations"])
def test_text_result_can_be_sent_in_the_next_request(
    text_format: str, operation: str, play: Play, server: Loopback
) -> None:
    server.route("POST", f"/v1/audio/{operation}", Answer(body="hi\n", content_type="text/plain"))
    server.default = Answer.of_json({})

    def calls(client: Any) -> Any:
        speech = getattr(client.audio, operation)
        text = yield speech.create(model="w", file=("a.wav", b"x"), response_format=text_format)
        yield client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
        yield client.responses.create(model="m", input=text)
        yield client.embeddings.create(model="m", input=[text])
        yield client.moderations.create(input=text, extra_body={"a": {text: text}})

    play(calls)
    sent = [request.json() for request in server.requests[1:]]
    assert sent[0]["messages"][0]["content"] == sent[1]["input"] == sent[2]["input"][0] == "hi\n"
    assert sent[3] == {"input": "hi\n", "a": {"hi\n": "hi\n"}}


def test_booleans_stay_booleans_beside_a_value_that_is_completed() -> None:
    value = {"flag": True, "off": False, "number": 1, "text": Str("a"), "inner": [True, {"deep": False}]}
    assert json.loads(encode(value)) == value
    assert b'"flag":true' in encode(value)
    assert b"[true," in encode(value)


@pytest.mark.parametrize("extra", [{}, {"reasoning_content": "why"}])
def test_content_of_a_message_that_is_null_is_sent_back_as_null(
    extra: dict[str, Any], play: Play, server: Loopback
) -> None:
    """Servers demand the field; a field that the struct does not declare must not change that."""
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        **extra,
    }
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    server.default = Answer.of_json(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    )

    def calls(client: Any) -> Any:
        result = yield client.chat.completions.create(model="m", messages=[])
        yield client.chat.completions.create(model="m", messages=[result.choices[0].message])
        yield client.chat.completions.create(model="m", messages=[result.choices[0].message.to_dict()])

    play(calls)
    assert [request.json()["messages"] for request in server.requests[1:]] == [[message], [message]]
