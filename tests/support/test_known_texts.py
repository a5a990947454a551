"""Searching for many texts at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai._support import redact
from oai._support.known_texts import FEW, LENGTH, KnownTexts
from oai._support.redact import REDACTED, Redactor

words = st.text("ab", min_size=LENGTH, max_size=LENGTH + 4)


@given(st.lists(words, max_size=2 * FEW + 10), st.text("ab", max_size=60))
def test_the_texts_within_another_one_are_found(known: list[str], text: str) -> None:
    texts = KnownTexts()
    texts.add(known)
    assert texts.within(text) == {each for each in known if each in text}


@pytest.mark.parametrize("count", [2, 300])
def test_redactor_with_many_secrets_compiles_a_pattern_only_for_those_that_occur(count: int) -> None:
    redactor = Redactor()
    secrets = [f"a-word-that-is-number-{number:04}" for number in range(count)]
    redactor.text("")
    before = redact._pattern.cache_info().misses
    for number, secret in enumerate(secrets):
        redactor.learn_request("https://x.invalid/", [("Authorization", f"Bearer {secret}")])
        assert redactor.text(f"nothing {number}") == f"nothing {number}"
        assert not redactor.leak(f"nothing {number}")
    assert redact._pattern.cache_info().misses == before
    assert redactor.text(f"{secrets[0]}, {secrets[1]}: {secrets[-1]}") == f"{REDACTED}, {REDACTED}: {REDACTED}"
    assert redactor.leak(secrets[-1].encode().hex())
