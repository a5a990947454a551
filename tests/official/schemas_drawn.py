"""Pydantic models and functions with random annotations, as hypothesis draws them."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional

import pydantic
from hypothesis import strategies as st


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(pydantic.BaseModel):
    """A leaf."""

    name: str
    size: int | None


class Tree(pydantic.BaseModel):
    value: str
    children: list[Tree]


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    name: str = pydantic.Field(description="Its name.")


PLAIN: list[Any] = [
    str,
    int,
    float,
    bool,
    Colour,
    Leaf,
    Tree,
    Literal["a", "b"],
    Literal["one"],
    Literal["a", 1],
    Cat | Dog,
    None,
]
"""Annotations that the API's strict mode takes."""

FORMATS: list[Any] = [datetime, date, time, uuid.UUID]

LIMITED: list[Any] = [
    Annotated[str, pydantic.Field(min_length=1, max_length=3)],
    Annotated[str, pydantic.Field(pattern="^a")],
    Annotated[int, pydantic.Field(ge=1, lt=5, multiple_of=2)],
    Annotated[list[str], pydantic.Field(min_length=1)],
    pydantic.AnyUrl,
    set[str],
    Decimal,
]

LOOSE: list[Any] = [list, dict, dict[str, int], Any, tuple[int, str], dict[str, Leaf]]
"""Annotations that strict mode rejects: see ON_PURPOSE."""


def optional(annotation: Any) -> Any:
    return Optional[annotation]  # noqa: UP045 - `|` does not take every value that annotates


def _annotations() -> st.SearchStrategy[Any]:
    leaves = st.sampled_from([*PLAIN, *FORMATS, *LIMITED])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(inner.map(lambda each: list[each]), inner.map(optional)),
        max_leaves=2,
    )


annotations = _annotations()
names = st.sampled_from(["a", "b_c", "name", "items", "type", "é", "self_", "description", "title"])


@st.composite
def fields(draw: Any) -> Any:
    """Draw an annotation with its field."""
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["description"] = draw(st.sampled_from(["A field.", "", 'With "quotes" é']))
    if draw(st.integers(0, 4)) == 0:
        options["title"] = "Its title"
    if draw(st.integers(0, 4)) == 0:
        options["alias"] = draw(st.sampled_from(["otherName", "x-y"]))
    if draw(st.integers(0, 4)) == 0:
        options["default"] = draw(st.sampled_from([None, "a", 1]))
    if draw(st.integers(0, 4)) == 0:
        options["examples"] = ["x"]
    if draw(st.integers(0, 4)) == 0:
        options["json_schema_extra"] = {"own": 1}
    return draw(annotations), pydantic.Field(**options)


@st.composite
def models(draw: Any) -> type[pydantic.BaseModel]:
    """Draw a model."""
    found = draw(st.dictionaries(names, fields(), min_size=0, max_size=4))
    doc = draw(st.sampled_from([None, "What it is.", "Line one.\n\nLine two."]))
    return pydantic.create_model(draw(st.sampled_from(["Answer", "Get_It", "Page"])), __doc__=doc, **found)
