"""Pickled clients: what a pickle contains, and what it must not."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from planted import KEY

import oai
from oai._request.client_core import core_of
from oai.testing import Answer, Loopback

MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "o"}

CLIENTS = [oai.OpenAI, oai.AsyncOpenAI]


def retrieve(client: Any) -> tuple[str, int]:
    if isinstance(client, oai.AsyncOpenAI):

        async def main() -> str:
            async with client:
                return (await client.models.retrieve("m")).id

        return asyncio.run(main()), os.getpid()
    return client.models.retrieve("m").id, os.getpid()


@pytest.mark.parametrize("cls", CLIENTS)
def test_client_works_in_another_process(
    cls: Callable[..., Any], server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.default = Answer(json=MODEL)
    client = cls(base_url=f"{server.url}/v1", organization="org-1", default_headers={"x-team": "blue"}, timeout=7)
    if cls is oai.OpenAI:
        client.models.retrieve("m")  # its connection stays here
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        name, process = pool.submit(retrieve, client).result(timeout=120)
    assert name == "m"
    assert process != os.getpid()
    request = server.requests[-1]
    assert request.header("authorization") == f"Bearer {KEY}"
    assert request.header("openai-organization") == "org-1"
    assert request.header("x-team") == "blue"
    if cls is oai.OpenAI:
        client.close()


@pytest.mark.parametrize("cls", CLIENTS)
def test_pickle_has_no_key(cls: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    data = pickle.dumps(cls(api_key=KEY, admin_api_key=f"{KEY}-admin"))
    assert KEY.encode() not in data
    with pytest.raises(oai.OpenAIError, match="There is no API key"):
        pickle.loads(data)
    monkeypatch.setenv("OPENAI_API_KEY", "looked-up")
    assert pickle.loads(data).api_key == "looked-up"


def test_pickle_has_the_key_with_pickle_keys() -> None:
    client = oai.OpenAI(api_key=KEY, pickle_keys=True, default_headers={"api-key": KEY})
    assert pickle.loads(pickle.dumps(client)).api_key == KEY


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"default_headers": {"Authorization": KEY}}, r"default_headers\['Authorization'\]"),
        ({"default_query": {"api_key": KEY}}, "default_query"),
        ({"base_url": f"https://user:{KEY}@host.example/v1"}, "base_url"),
        ({"base_url": f"https://host.example/v1?api_key={KEY}"}, "base_url"),
        ({"websocket_base_url": f"wss://host.example/v1?api_key={KEY}"}, "websocket_base_url"),
    ],
)
def test_secret_that_cannot_be_restored_is_rejected(options: dict[str, Any], where: str) -> None:
    with pytest.raises(TypeError, match=f"{where} holds a secret, which is only pickled") as caught:
        pickle.dumps(oai.OpenAI(api_key="k", **options))
    assert KEY not in str(caught.value)


def key() -> str:
    return "from a function"


def test_key_function_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(oai.OpenAI(api_key=key))).api_key is key


def test_table_transport_and_options_are_pickled(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text('[rerank]\nmethod = "POST"\npath = "/rerank"\nbody = "json"\nresponse = "Any"\n')
    for table in (path, oai.load_table(path)):
        client = oai.OpenAI(table=table, transport=oai.OfflineTransport(), max_body=5, deadline=3.0)
        back = pickle.loads(pickle.dumps(client))
        assert isinstance(back, oai.OpenAI)
        assert isinstance(back.transport, oai.OfflineTransport)
        assert back.rerank is not None
        assert (core_of(back).config.max_body, core_of(back).config.deadline) == (5, 3.0)
        assert (back.base_url, back.timeout) == (client.base_url, client.timeout)


def test_subclass_is_preserved() -> None:
    assert type(pickle.loads(pickle.dumps(Mine(api_key="k", pickle_keys=True)))) is Mine


def test_bound_method_is_pickled_with_its_client() -> None:
    client = oai.OpenAI(transport=oai.OfflineTransport())
    retrieve_model = pickle.loads(pickle.dumps(client.models.retrieve))
    assert retrieve_model("m").id == "m"
    assert pickle.loads(pickle.dumps(client.chat.completions)).create is not None


class Mine(oai.OpenAI):
    """A subclass of a program."""
