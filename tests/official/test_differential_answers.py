"""Responses with fields removed, null, new or mistyped give the same data as with the official SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given

from tests.official.answers_drawn import CALLS, answers, sound
from tests.official.faults import KNOWN_FAULTS
from tests.official.sides import SIDES, Reply, long, outcome, quick

API_NAME = re.compile("[/-]")

VIEWS: dict[str, Callable[[Any], Any]] = {
    "to_dict()": lambda result: _nulls(result.to_dict(), kept="results: nulls" not in KNOWN_FAULTS),
    "to_json()": lambda result: _nulls(json.loads(result.to_json()), kept="results: nulls" not in KNOWN_FAULTS),
    "model_dump(exclude_none=True)": lambda result: _names(
        _nulls(result.model_dump(mode="json", exclude_none=True), kept=False)  # what is not typed keeps its own
    ),
    "model_dump(by_alias=True)": lambda result: _nulls(result.model_dump(by_alias=True), kept=False),
    "model_dump(exclude_unset=True)": lambda result: _names(
        _nulls(result.model_dump(exclude_unset=True), kept="results: nulls" not in KNOWN_FAULTS)
    ),
}


def _nulls(value: Any, *, kept: bool) -> Any:
    if isinstance(value, dict):
        return {name: _nulls(each, kept=kept) for name, each in value.items() if kept or each is not None}
    return [_nulls(each, kept=kept) for each in value] if isinstance(value, list) else value


def _names(value: Any) -> Any:
    """Take out API names that are no Python names, which the SDK adds to the Python names."""
    if "results: API names in model_dump" not in KNOWN_FAULTS:
        return value
    if isinstance(value, dict):
        return {
            name: _names(each) for name, each in value.items() if not API_NAME.search(name) and f"{name}_" not in value
        }
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
        return _names(attrgetter(name)(client)(**CALLS[name]).model_dump())

    ours, theirs = (outcome(module, dumped, Reply.of_json(json.loads(sound(name)))) for module in SIDES)
    assert {**ours.result, "first_id": 0, "last_id": 0} == {**theirs.result, "first_id": 0, "last_id": 0}
