"""`http_client=` in both clients: whether redirects are followed is up to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from oai.testing import Answer, Loopback
from tests.official.sides import SIDES, httpx

MAKERS: dict[str, Callable[..., Any]] = {
    "httpx2.Client": lambda _, **options: httpx.Client(**options),
    "httpx2.AsyncClient": lambda _, **options: httpx.AsyncClient(**options),
    **{
        name: lambda module, name=name, **options: getattr(module, name)(**options)
        for name in ("DefaultHttpxClient", "DefaultAsyncHttpxClient", "DefaultAioHttpClient")
    },
}


@pytest.mark.parametrize("follows", [True, False, None])
@pytest.mark.parametrize("maker", MAKERS)
def test_both_clients_follow_the_redirects_that_the_http_client_follows(maker: str, follows: bool | None) -> None:
    choice = {} if follows is None else {"follow_redirects": follows}

    def outcome(module: Any, server: Loopback) -> Any:
        http_client = MAKERS[maker](module, trust_env=False, **choice)
        options = {"api_key": "k", "base_url": f"{server.url}/v1", "max_retries": 0, "http_client": http_client}

        async def retrieve() -> Any:
            async with module.AsyncOpenAI(**options) as client:
                return await client.models.retrieve("m")

        try:
            if "Async" in maker or "Aio" in maker:
                return asyncio.run(retrieve()).id
            with module.OpenAI(**options) as client:
                return client.models.retrieve("m").id
        except module.APIStatusError as error:
            return error.status_code

    outcomes = []
    for module in SIDES:
        with Loopback() as server:
            server.reply(Answer(307, headers=[("location", "/v1/other")]), Answer.of_json({"id": "m"}))
            outcomes.append((outcome(module, server), len(server.requests)))
    ours, theirs = outcomes
    assert ours == theirs
    assert follows is None or ours == (("m", 2) if follows else (307, 1))
