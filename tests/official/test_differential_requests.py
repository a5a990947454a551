"""Requests of everyday operations with random parameters, extra parameters and files are equal to the official SDK's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.official.operations_drawn import calls, invoke, uploads
from tests.official.sides import SIDES, long, outcome, quick

Drawn = tuple[str, dict[str, Any]]
Uploading = tuple[str, Callable[[ExitStack], dict[str, Any]]]

FILE = Path(__file__).parent.parent / "data" / "note.txt"


def check(name: str, make: Callable[[ExitStack], dict[str, Any]], *, is_async: bool) -> None:
    outcomes = []
    for module in SIDES:
        with ExitStack() as files:
            outcomes.append(outcome(module, invoke(name, make(files)), is_async=is_async))
    ours, theirs = outcomes
    assert ours.requests == theirs.requests
    if not ours.requests:
        assert ours.error == theirs.error


@quick(100)
@given(calls(), st.booleans())
def test_requests_are_equal(call: Drawn, is_async: bool) -> None:
    check(call[0], lambda files: call[1], is_async=is_async)


@quick(100)
@given(uploads(FILE), st.booleans())
def test_uploads_are_equal(upload: Uploading, is_async: bool) -> None:
    check(*upload, is_async=is_async)


@pytest.mark.thorough
@long(500)
@given(calls(), st.booleans())
def test_many_requests_are_equal(call: Drawn, is_async: bool) -> None:
    check(call[0], lambda files: call[1], is_async=is_async)


@pytest.mark.thorough
@long(500)
@given(uploads(FILE), st.booleans())
def test_many_uploads_are_equal(upload: Uploading, is_async: bool) -> None:
    check(*upload, is_async=is_async)
