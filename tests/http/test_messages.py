"""`Timeout` compares with what it may have been made of."""

from __future__ import annotations

import pytest

import oai


def test_timeout_equals_the_number_that_it_was_made_of() -> None:
    client = oai.OpenAI(transport=oai.OfflineTransport(), timeout=5)
    assert client.timeout == 5
    assert hash(client.timeout) == hash(5)
    assert client.timeout != 6
    assert oai.Timeout(5, connect=1) != 5
    assert oai.Timeout(5, total=9) != 5
    assert oai.Timeout(5) != "5"


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_timeout_equals_that_of_httpx(library: str) -> None:
    httpx = pytest.importorskip(library)
    client = oai.OpenAI(transport=oai.OfflineTransport(), timeout=httpx.Timeout(3.0, connect=1.0))
    assert client.timeout == httpx.Timeout(3.0, connect=1.0)
    assert client.timeout != httpx.Timeout(3.0)
