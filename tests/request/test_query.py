"""Query strings, encoded as by the official SDK."""

from __future__ import annotations

import enum
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oai
from oai._request.query import query_string


class Order(enum.Enum):
    UP = "asc"


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
