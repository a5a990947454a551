"""Features that programs of the official SDK use: httpx clients, casts to httpx responses, names of pydantic."""

from __future__ import annotations

import asyncio
import gzip
import importlib
import pickle
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pydantic
import pytest
import trustme

import oai
from oai.testing import Answer, Loopback


def options(server: Loopback) -> dict[str, Any]:
    return {"api_key": "k", "base_url": f"{server.url}/v1", "max_retries": 0}


def test_httpx_client_sends_and_is_closed_with_the_client(server: Loopback) -> None:
    server.reply(json={"id": "m"})
    paths: list[str] = []
    http_client = oai.DefaultHttpxClient(event_hooks={"request": [lambda request: paths.append(request.url.path)]})
    with oai.OpenAI(http_client=http_client, **options(server)) as client:
        assert client.models.retrieve("m").id == "m"
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(client)
    assert paths == ["/v1/models/m"]
    assert http_client.is_closed


def brought(library: Any, name: str) -> Any:
    """Return an httpx client that adds headers and more to each request."""
    return getattr(library, name)(
        headers={"X-Gateway": "g", "User-Agent": "theirs"},
        params={"tenant": "t"},
        cookies={"c": "1"},
        auth=("me", "pw"),
        follow_redirects=True,
    )


@pytest.mark.parametrize("is_async", [False, True])
def test_headers_of_the_httpx_client_are_sent_to_the_same_origin_only(server: Loopback, is_async: bool) -> None:
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
def test_async_httpx_client_sends_and_is_closed_with_the_client(server: Loopback, make: Any) -> None:
    server.reply(json={"id": "m"})

    async def main() -> Any:
        http_client = make()
        async with oai.AsyncOpenAI(http_client=http_client, **options(server)) as client:
            assert (await client.models.retrieve("m")).id == "m"
        return http_client

    http_client = asyncio.run(main())
    assert getattr(http_client, "is_closed", True)


def test_with_options_takes_an_httpx_client_and_leaves_it_open(server: Loopback) -> None:
    server.reply(json={"id": "m"})
    with oai.OpenAI(**options(server)) as client, oai.DefaultHttpx2Client() as http_client:
        with client.with_options(http_client=http_client) as other:
            assert other.models.retrieve("m").id == "m"
        assert not http_client.is_closed


@pytest.mark.parametrize("location", ["https://user:password@other.test/x", "https://user@this.test/x"])
def test_credentials_in_a_location_are_not_sent(location: str) -> None:
    requests: list[Any] = []

    def respond(request: Any) -> Any:
        requests.append(request)
        return httpx.Response(302, headers={"Location": location}) if len(requests) == 1 else httpx.Response(200)

    http_client = httpx.Client(transport=httpx.MockTransport(respond), follow_redirects=True)
    with oai.OpenAI(api_key="k", base_url="https://this.test/v1", http_client=http_client) as client:
        client.files.content("f")
    assert requests[1].headers.get("Authorization") == ("Bearer k" if requests[1].url.host == "this.test" else None)


@pytest.mark.parametrize("library", [httpx, importlib.import_module("httpx2")])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("hook", [False, True])
def test_responses_that_were_read_already(library: Any, is_async: bool, hook: bool) -> None:
    body = gzip.compress(b'{"id": "m", "object": "model", "created": 1, "owned_by": "me"}')

    async def aread(response: Any) -> None:
        await response.aread()

    def respond(_: Any) -> Any:
        return library.Response(200, content=body, headers={"Content-Encoding": "gzip", "X-Request-Id": "r"})

    hooks = {"response": [aread if is_async else lambda response: response.read()]} if hook else {}
    kind = library.AsyncClient if is_async else library.Client
    http_client = kind(transport=library.MockTransport(respond), event_hooks=hooks)
    client: Any = (oai.AsyncOpenAI if is_async else oai.OpenAI)(http_client=http_client, api_key="k")

    async def main() -> Any:
        raw = await client.models.with_raw_response.retrieve("m")
        return raw, await client.models.retrieve("m")

    raw, model = (
        asyncio.run(main())
        if is_async
        else (
            client.models.with_raw_response.retrieve("m"),
            client.models.retrieve("m"),
        )
    )
    assert (model.id, model._request_id, raw.parse().id) == ("m", "r", "m")


def test_stream_of_a_response_that_was_read_already() -> None:
    events = b'data: {"id": "c", "choices": []}\n\ndata: [DONE]\n\n'
    headers = {"Content-Type": "text/event-stream"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=events, headers=headers))
    with oai.OpenAI(http_client=httpx.Client(transport=transport), api_key="k") as client:
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        assert [chunk.id for chunk in stream] == ["c"]


@pytest.mark.parametrize("library", [httpx, importlib.import_module("httpx2")])
def test_timeout_of_the_http_client_is_respected_unless_it_is_the_default(library: Any) -> None:
    def timeout(cls: Any, http_client: Any, **options: Any) -> Any:
        return cls(http_client=http_client, api_key="k", **options).timeout

    for cls, kind in ((oai.OpenAI, library.Client), (oai.AsyncOpenAI, library.AsyncClient)):
        assert timeout(cls, kind(timeout=0.3)) == oai.Timeout(0.3)
        assert timeout(cls, kind(timeout=library.Timeout(1, read=None))) == oai.Timeout(1, read=None)
        assert timeout(cls, kind(timeout=None)) == oai.Timeout(None)
        assert timeout(cls, kind()) == oai.Timeout(600, connect=5)
        assert timeout(cls, kind(timeout=0.3), timeout=7) == oai.Timeout(7)
        assert timeout(cls, kind(timeout=0.3), timeout=None) == oai.Timeout(None)


def test_default_aiohttp_client_takes_a_timeout(server: Loopback) -> None:
    server.default = Answer.of_json({"id": "m"})

    async def main() -> None:
        http_client = oai.DefaultAioHttpClient(timeout=5)
        async with oai.AsyncOpenAI(http_client=http_client, **options(server)) as client:
            assert client.timeout == oai.Timeout(5)
            assert (await client.models.retrieve("m")).id == "m"
        assert oai.AsyncOpenAI(http_client=oai.DefaultAioHttpClient(), api_key="k").timeout == oai.Timeout(
            600, connect=5
        )

    asyncio.run(main())
    assert pickle.loads(pickle.dumps(oai.DefaultAioHttpClient(timeout=5))).timeout == 5


@pytest.mark.parametrize(
    ("options_of_httpx", "is_reached"), [({}, False), ({"trust_env": True}, False), ({"trust_env": False}, True)]
)
def test_default_aiohttp_client_takes_the_options_of_httpx(
    options_of_httpx: dict[str, Any], is_reached: bool, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.default = Answer.of_json({"id": "m"})
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async def main() -> None:
        http_client = oai.DefaultAioHttpClient(
            limits=httpx.Limits(max_connections=7), verify=ssl.create_default_context(), **options_of_httpx
        )
        async with oai.AsyncOpenAI(http_client=http_client, **options(server)) as client:
            if is_reached:
                await client.models.retrieve("m")
                return
            with pytest.raises(oai.APIConnectionError):
                await client.models.retrieve("m")

    asyncio.run(main())
    with pytest.raises(TypeError, match=r"verify must be True, False, a path or an ssl\.SSLContext, not 1"):
        oai.DefaultAioHttpClient(verify=1)


@pytest.mark.parametrize(("verify", "is_reached"), [(True, False), (False, True), ("path", True), ("context", True)])
def test_default_aiohttp_client_verifies_as_httpx_does(verify: Any, is_reached: bool, tmp_path: Path) -> None:
    authority = trustme.CA()
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    value = {"path": str(trusted), "context": ssl.create_default_context(cafile=trusted)}.get(verify, verify)

    async def reach(url: str) -> None:
        http_client = oai.DefaultAioHttpClient(
            verify=value, http2=True, follow_redirects=True, default_encoding="utf-8"
        )
        async with oai.AsyncOpenAI(http_client=http_client, api_key="k", base_url=url, max_retries=0) as client:
            await client.models.retrieve("m")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Loopback(tls=context) as server:
        server.default = Answer.of_json({"id": "m"})
        if is_reached:
            asyncio.run(reach(server.url))
        else:
            with pytest.raises(oai.APIConnectionError, match="certificate"):
                asyncio.run(reach(server.url))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"proxy": "http://127.0.0.1:1"}, "does not take httpx's proxy; use HTTPS_PROXY"),
        ({"headers": {"a": "b"}}, "does not take httpx's headers; use the client's default_headers"),
        ({"verifi": True}, "unexpected keyword argument 'verifi'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_default_aiohttp_client_refuses_what_it_cannot_apply(option: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        oai.DefaultAioHttpClient(**option)


@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize(
    "make", [oai.DefaultHttpxClient, oai.DefaultAsyncHttpxClient, oai.DefaultAioHttpClient, httpx.Client]
)
def test_redirects_are_followed_if_the_http_client_follows_them(make: Any, follows: bool, server: Loopback) -> None:
    server.reply(Answer(307, headers=[("location", "/v1/other")]), Answer.of_json({"id": "m"}))
    http_client = make(follow_redirects=follows)

    def retrieve() -> Any:
        if isinstance(http_client, httpx.Client | oai.DefaultHttpxClient):
            with oai.OpenAI(http_client=http_client, **options(server)) as client:
                return client.models.retrieve("m")

        async def main() -> Any:
            async with oai.AsyncOpenAI(http_client=http_client, **options(server)) as client:
                return await client.models.retrieve("m")

        return asyncio.run(main())

    if follows:
        assert retrieve().id == "m"
    else:
        with pytest.raises(oai.APIStatusError) as caught:
            retrieve()
        assert caught.value.status_code == 307
    assert len(server.requests) == 1 + follows


def test_pickle_of_a_default_aiohttp_client_keeps_whether_it_follows_redirects() -> None:
    assert not pickle.loads(pickle.dumps(oai.DefaultAioHttpClient(follow_redirects=False))).follows_redirects


@pytest.mark.parametrize("make", [oai.DefaultHttpxClient, oai.DefaultAsyncHttpxClient])
def test_default_httpx_client_has_the_defaults_of_the_official_sdk(make: Any) -> None:
    http_client = make()
    assert http_client.follow_redirects
    assert http_client.timeout == importlib.import_module("httpx2").Timeout(600, connect=5)
    assert not make(follow_redirects=False, timeout=1).follow_redirects


def test_invalid_http_client_is_rejected(server: Loopback) -> None:
    with pytest.raises(oai.OpenAIError, match=r"http_client must be a client of httpx or httpx2, not str") as caught:
        oai.OpenAI(http_client="http://proxy", **options(server))
    assert isinstance(caught.value, TypeError), "as the official SDK raises"
    with (
        httpx.Client() as sync,
        pytest.raises(oai.OpenAIError, match=r"must be an httpx\.AsyncClient here, not Client"),
    ):
        oai.AsyncOpenAI(http_client=sync, **options(server))
    with pytest.raises(oai.OpenAIError, match="exclude each other"):
        oai.OpenAI(http_client=oai.OfflineTransport(), transport=oai.OfflineTransport(), **options(server))


def test_cast_to_httpx_response(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"a": 1}, headers=[("x-foo", "bar")])
    response = client.post("/foo", cast_to=httpx.Response, body={"my_param": True})
    assert isinstance(response, httpx.Response)
    assert (response.status_code, response.headers["x-foo"], response.json()) == (200, "bar", {"a": 1})


def test_null_missing_and_unknown_fields_are_distinguished(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"id": "file-1", "expires_at": None, "new": [1], "to_dict": 2})
    file = client.files.retrieve("file-1")
    assert file.expires_at is file.status_details is None
    assert file.model_fields_set == {"id", "expires_at", "new", "to_dict"}
    assert file.model_extra == {"new": [1], "to_dict": 2}


class Lookup(msgspec.Struct):
    """Look something up."""

    item: str


def test_deferred_responses_tool_has_defer_loading() -> None:
    tool = oai.pydantic_responses_function_tool(Lookup, name="find", defer_loading=True)
    assert pickle.loads(pickle.dumps(tool)) == tool == tool.for_responses
    assert tool.for_responses["defer_loading"] is True
    assert (tool.for_responses["name"], tool.for_responses["description"]) == ("find", "Look something up.")
    assert "defer_loading" not in oai.pydantic_responses_function_tool(Lookup).for_responses


MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}


class Named(pydantic.BaseModel):
    name: str


class Counted(pydantic.BaseModel):
    count: int


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (Counted, {"count": 1}, Counted(count=1)),
        (Named | Counted, {"count": 1}, Counted(count=1)),
        (Named | None, {"name": "a"}, Named(name="a")),
        (list[Named], [{"name": "a"}], [Named(name="a")]),
        (dict[str, Named], {"x": {"name": "a"}}, {"x": Named(name="a")}),
        (Named | oai.types.Model, MODEL, oai.types.Model(**MODEL)),
    ],
)
def test_cast_to_types_made_of_pydantic_models(
    kind: Any, body: Any, expected: Any, strict: bool, play: Callable[..., Any], server: Loopback
) -> None:
    server.default = Answer.of_json(body)

    def scenario(client: Any) -> Any:
        result = yield client.get("/x", cast_to=kind)
        assert (type(result), result) == (type(expected), expected)
        server.default = Answer.of_json({"name": [], "count": "many"})
        with pytest.raises(oai.APIResponseValidationError) as caught:
            yield client.get("/x", cast_to=kind)
        assert isinstance(caught.value.__cause__, pydantic.ValidationError)
        server.default = Answer.of_json(body)

    play(scenario, _strict_response_validation=strict)


def test_urls_may_be_those_of_httpx() -> None:
    url, socket_url = httpx.URL("https://x.example/v1"), httpx.URL("wss://x.example/v1")
    client = oai.OpenAI(api_key="k", base_url=url, websocket_base_url=socket_url)
    other = client.with_options(base_url=httpx.URL("https://y.example"), websocket_base_url=socket_url)
    assert (client.base_url, client.websocket_base_url) == ("https://x.example/v1", "wss://x.example/v1")
    assert (other.base_url, other.websocket_base_url) == ("https://y.example", "wss://x.example/v1")
    client.base_url = httpx.URL("https://z.example")
    assert client.base_url == "https://z.example"
