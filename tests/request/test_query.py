"""Query strings, encoded as by the official SDK."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oai
from oai._request.multipart import Multipart
from oai._request.query import query_string


class Order(enum.Enum):
    UP = "asc"


class Point(pydantic.BaseModel):
    x: int
    inner: Any = pydantic.Field(default=None, alias="in")


class Pair(msgspec.Struct):
    a: int
    b: list[Pair]


@dataclasses.dataclass
class Both:
    a: bool


VECTORS = [
    ({"a": "x"}, "a=x"),
    ({"a": 1, "b": 2.5}, "a=1&b=2.5"),
    ({"a": True, "b": False}, "a=true&b=false"),
    ({"a": None}, ""),
    ({"a": oai.omit}, ""),
    ({"key": ["a", "b"]}, "key%5B%5D=a&key%5B%5D=b"),
    ({"key": ("a",)}, "key%5B%5D=a"),
    ({"key": {"sub": "v"}}, "key%5Bsub%5D=v"),
    ({"key": {"sub": ["v", "w"]}}, "key%5Bsub%5D%5B%5D=v&key%5Bsub%5D%5B%5D=w"),
    ({"key": []}, ""),
    ({"a": "x y&z=ü"}, "a=x+y%26z%3D%C3%BC"),
    ({"order": Order.UP}, "order=asc"),
    ({"after": dt.date(2024, 1, 2)}, "after=2024-01-02"),
    ({"after": dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)}, "after=2024-01-02+03%3A04%3A05%2B00%3A00"),
    ({"after": dt.time(1, 2)}, "after=01%3A02%3A00"),
    ({"after": dt.timedelta(seconds=3)}, "after=0%3A00%3A03"),
    ({"id": [uuid.UUID(int=5)]}, "id%5B%5D=00000000-0000-0000-0000-000000000005"),
    ({"n": decimal.Decimal("1.50")}, "n=1.50"),
    ({"p": pathlib.PurePosixPath("a/b")}, "p=a%2Fb"),
    ({"metadata": Point(x=1)}, "metadata%5Bx%5D=1"),
    ({"metadata": Point(**{"x": 1, "in": Point(x=2)})}, "metadata%5Bx%5D=1&metadata%5Bin%5D%5Bx%5D=2"),
    ({"list": [Point(x=1)], "of": {"a": Point(x=2)}}, "list%5B%5D%5Bx%5D=1&of%5Ba%5D%5Bx%5D=2"),
    ({"s": Pair(1, [Pair(2, [])])}, "s%5Ba%5D=1&s%5Bb%5D%5B%5D%5Ba%5D=2"),
    ({"d": Both(True)}, "d%5Ba%5D=true"),
]


@pytest.mark.parametrize(("values", "text"), VECTORS)
def test_vectors(values: dict[str, object], text: str) -> None:
    assert query_string(values) == text


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_any_text_round_trips(values: dict[str, str]) -> None:
    assert dict(parse_qsl(query_string(values), keep_blank_values=True)) == values


def test_value_that_cannot_be_encoded_is_named() -> None:
    with pytest.raises(TypeError, match="`a` is of type bytes"):
        query_string({"a": b"raw"})


@pytest.mark.parametrize(("values", "text"), VECTORS)
def test_forms_have_the_same_fields_as_queries(values: dict[str, object], text: str) -> None:
    body = b"".join(Multipart(values, []))
    for name, value in parse_qsl(text):
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in body
