"""Random valid streams of both APIs: events, snapshots and final objects equal the official SDK's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.official.sides import long, quick
from tests.official.streams_compared import check_chat, check_response
from tests.official.streams_drawn import chats, responses


@quick(120)
@given(chats(), st.booleans())
def test_chat_streams_are_equal(drawn: tuple[list[Any], bool, str], is_async: bool) -> None:
    check_chat(*drawn, is_async=is_async)


@quick(120)
@given(responses(), st.booleans())
def test_response_streams_are_equal(drawn: tuple[list[Any], bool, bool], is_async: bool) -> None:
    check_response(*drawn, is_async=is_async)


@pytest.mark.thorough
@long(400)
@given(chats(), st.booleans())
def test_more_chat_streams_are_equal(drawn: tuple[list[Any], bool, str], is_async: bool) -> None:
    check_chat(*drawn, is_async=is_async)


@pytest.mark.thorough
@long(400)
@given(responses(), st.booleans())
def test_more_response_streams_are_equal(drawn: tuple[list[Any], bool, bool], is_async: bool) -> None:
    check_response(*drawn, is_async=is_async)
