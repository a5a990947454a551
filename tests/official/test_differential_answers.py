"""Responses with fields removed, null, new or mistyped give the same data as with the official SDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given

from tests.official.answers_drawn import CALLS, answers, sound
from tests.official.sides import SIDES, Reply, long, outcome, quick

VIEWS: dict[str, Callable[[Any], Any]] = {
    "to_dict()": lambda result: result.to_dict(),
    "to_json()": lambda result: json.loads(result.to_json()),
    "model_dump(exclude_none=True)": lambda result: _names(
        _without_nulls(result.model_dump(mode="json", exclude_none=True))  # what is not typed keeps its own
    ),
    "model_dump(by_alias=True)": lambda result: _without_nulls(result.model_dump(by_alias=True)),
    "model_dump(exclude_unset=True)": lambda result: _names(result.model_dump(exclude_unset=True)),
}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _names(value: Any) -> Any:
    """Leave out API names that are reserved in Python, which the SDK adds if the data does not fit."""
    if isinstance(value, dict):
        return {name: _names(each) for name, each in value.items() if f"{name}_" not in value}
    return [_names(each) for each in value] if isinstance(value, list) else value


def check(name: str, answer: Any, intact: bool) -> None:
    def views(client: Any) -> Any:
        result = attrgetter(name)(client)(**CALLS[name])
        return {view: make(result) for view, make in VIEWS.items() if intact or not view.startswith("model_dump")}

    ours, theirs = (outcome(module, views, Reply.of_json(answer)) for module in SIDES)
    assert (ours.error, theirs.error) == (None, None)
    assert ours.result == theirs.result


@quick(150)
@given(answers())
def test_data_is_equal(drawn: tuple[str, Any, bool]) -> None:
    check(*drawn)


@pytest.mark.thorough
@long(1500)
@given(answers())
def test_more_data_is_equal(drawn: tuple[str, Any, bool]) -> None:
    check(*drawn)


@pytest.mark.parametrize("name", CALLS)
def test_sound_data_has_every_declared_field(name: str) -> None:
    def dumped(client: Any) -> Any:
        return attrgetter(name)(client)(**CALLS[name]).model_dump()

    ours, theirs = (outcome(module, dumped, Reply.of_json(json.loads(sound(name)))) for module in SIDES)
    assert {**ours.result, "first_id": 0, "last_id": 0} == {**theirs.result, "first_id": 0, "last_id": 0}
