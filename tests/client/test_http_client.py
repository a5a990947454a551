"""What programs of the official SDK bring along: clients of httpx, answers cast to its responses, pydantic's names."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import httpx
import msgspec
import pytest

import oai
from oai.testing import Answer, Loopback


def options(server: Loopback) -> dict[str, Any]:
    return {"api_key": "k", "base_url": f"{server.url}/v1", "max_retries": 0}


def test_a_client_of_httpx_sends_and_is_closed_with_ours(server: Loopback) -> None:
    server.reply(json={"id": "m"})
    asked: list[str] = []
    http_client = oai.DefaultHttpxClient(event_hooks={"request": [lambda request: asked.append(request.url.path)]})
    with oai.OpenAI(http_client=http_client, **options(server)) as client:
        assert client.models.retrieve("m").id == "m"
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(client)
    assert asked == ["/v1/models/m"]
    assert http_client.is_closed


def brought(library: Any, name: str) -> Any:
    """Return a client of httpx that has something to add to each request."""
    return getattr(library, name)(
        headers={"X-Gateway": "g", "User-Agent": "theirs"},
        params={"tenant": "t"},
        cookies={"c": "1"},
        auth=("me", "pw"),
    )


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_client_of_httpx_adds_is_sent_and_stays_within_the_origin(server: Loopback, is_async: bool) -> None:
    with Loopback() as other:
        other.default = Answer.of_json({"object": "list", "data": []})
        server.reply(json={"id": "m"})
        server.reply(Answer(307, headers=[("Location", f"{other.url}/v1/models?a=1")]))

        async def main() -> None:
            async with oai.AsyncOpenAI(http_client=brought(httpx, "AsyncClient"), **options(server)) as client:
                await client.models.retrieve("m", extra_query={"own": 1})
                await client.models.list()

        if is_async:
            asyncio.run(main())
        else:
            with oai.OpenAI(http_client=brought(httpx, "Client"), **options(server)) as client:
                client.models.retrieve("m", extra_query={"own": 1})
                client.models.list()
    first, second = server.requests
    assert (first.header("x-gateway"), first.header("cookie"), first.query) == ("g", "c=1", "tenant=t&own=1")
    assert (first.header("user-agent") or "").startswith("oai/")
    assert (first.header("authorization") or "").startswith("Basic ")  # httpx's `auth` goes before, as with the SDK
    assert second.header("x-gateway") == "g"
    (seen,) = other.requests
    assert [seen.header(name) for name in ("x-gateway", "cookie", "authorization")] == [None, None, None]
    assert seen.query == "a=1"


@pytest.mark.parametrize("make", [oai.DefaultAsyncHttpxClient, oai.DefaultAsyncHttpx2Client, oai.DefaultAioHttpClient])
def test_an_async_client_sends_and_is_closed_with_ours(server: Loopback, make: Any) -> None:
    server.reply(json={"id": "m"})

    async def main() -> Any:
        http_client = make()
        async with oai.AsyncOpenAI(http_client=http_client, **options(server)) as client:
            assert (await client.models.retrieve("m")).id == "m"
        return http_client

    http_client = asyncio.run(main())
    assert getattr(http_client, "is_closed", True)


def test_options_take_a_client_of_httpx_that_stays_open(server: Loopback) -> None:
    server.reply(json={"id": "m"})
    with oai.OpenAI(**options(server)) as client, oai.DefaultHttpx2Client() as http_client:
        with client.with_options(http_client=http_client) as other:
            assert other.models.retrieve("m").id == "m"
        assert not http_client.is_closed


def test_what_is_no_client_of_httpx_is_refused(server: Loopback) -> None:
    with pytest.raises(oai.OpenAIError, match=r"http_client is of type str; it takes a client of httpx"):
        oai.OpenAI(http_client="http://proxy", **options(server))
    with (
        httpx.Client() as sync,
        pytest.raises(oai.OpenAIError, match=r"needs an httpx\.AsyncClient, not Client"),
    ):
        oai.AsyncOpenAI(http_client=sync, **options(server))
    with pytest.raises(oai.OpenAIError, match="exclude each other"):
        oai.OpenAI(http_client=oai.OfflineTransport(), transport=oai.OfflineTransport(), **options(server))


def test_an_answer_is_cast_to_the_response_of_httpx(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"a": 1}, headers=[("x-foo", "bar")])
    response = client.post("/foo", cast_to=httpx.Response, body={"my_param": True})
    assert isinstance(response, httpx.Response)
    assert (response.status_code, response.headers["x-foo"], response.json()) == (200, "bar", {"a": 1})


def test_null_and_missing_are_told_apart_and_what_is_unknown_is_listed(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"id": "file-1", "expires_at": None, "new": [1], "to_dict": 2})
    file = client.files.retrieve("file-1")
    assert file.expires_at is file.status_details is None
    assert file.model_fields_set == {"id", "expires_at", "new", "to_dict"}
    assert file.model_extra == {"new": [1], "to_dict": 2}


class Lookup(msgspec.Struct):
    """Look something up."""

    item: str


def test_a_tool_of_responses_says_that_it_is_loaded_late() -> None:
    tool = oai.pydantic_responses_function_tool(Lookup, name="find", defer_loading=True)
    assert pickle.loads(pickle.dumps(tool)) == tool
    assert tool.for_responses["defer_loading"] is True
    assert (tool.for_responses["name"], tool.for_responses["description"]) == ("find", "Look something up.")
    assert "defer_loading" not in oai.pydantic_responses_function_tool(Lookup).for_responses
