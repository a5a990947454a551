"""`oai.resources`: the very classes of a client's attributes, at the official SDK's import paths."""

from __future__ import annotations

import subprocess
import sys
from unittest import mock

import pytest

import oai
from oai.resources import AsyncModels, Models
from oai.resources.chat import Chat, completions
from oai.resources.chat.completions import (
    AsyncCompletions,
    AsyncCompletionsWithRawResponse,
    AsyncCompletionsWithStreamingResponse,
    Completions,
    CompletionsWithRawResponse,
    CompletionsWithStreamingResponse,
)


@pytest.fixture
def client() -> oai.OpenAI:
    return oai.OpenAI(transport=oai.OfflineTransport())


@pytest.fixture
def async_client() -> oai.AsyncOpenAI:
    return oai.AsyncOpenAI(transport=oai.OfflineTransport())


def test_attributes_of_clients_are_instances_of_the_classes(client: oai.OpenAI, async_client: oai.AsyncOpenAI) -> None:
    assert type(client.chat) is Chat
    assert type(client.chat.completions) is Completions is completions.Completions
    assert type(async_client.chat.completions) is AsyncCompletions
    assert type(client.models) is Models
    assert type(async_client.models) is AsyncModels
    assert Completions.__name__, AsyncCompletions.__name__ == ("Completions", "AsyncCompletions")


def test_views_are_instances_of_the_classes(client: oai.OpenAI, async_client: oai.AsyncOpenAI) -> None:
    assert type(client.chat.completions.with_raw_response) is CompletionsWithRawResponse
    assert type(client.with_raw_response.chat.completions) is CompletionsWithRawResponse
    assert type(client.chat.completions.with_streaming_response) is CompletionsWithStreamingResponse
    assert type(async_client.chat.completions.with_raw_response) is AsyncCompletionsWithRawResponse
    assert type(async_client.chat.completions.with_streaming_response) is AsyncCompletionsWithStreamingResponse


def test_views_are_made_once_for_a_namespace(client: oai.OpenAI) -> None:
    assert client.chat.completions.with_raw_response is client.chat.completions.with_raw_response
    with mock.patch.object(client.chat.completions.with_raw_response, "create", return_value="patched"):
        assert client.chat.completions.with_raw_response.create(model="m", messages=[]) == "patched"


def test_patching_a_class_affects_clients(client: oai.OpenAI) -> None:
    with mock.patch("oai.resources.chat.completions.Completions.create", return_value="patched") as create:
        assert client.chat.completions.create(model="m", messages=[]) == "patched"
    create.assert_called_once_with(model="m", messages=[])
    assert client.chat.completions.create(model="m", messages=[]).object == "chat.completion"


def test_patching_with_a_function_keeps_the_instance(client: oai.OpenAI) -> None:
    original = Completions.create

    def create(self: Completions, **params: object) -> object:
        return self, original(self, **params).choices[0].index

    with mock.patch.object(Completions, "create", create):
        assert client.chat.completions.create(model="m", messages=[]) == (client.chat.completions, 0)


def test_a_subclass_calls_the_class(client: oai.OpenAI) -> None:
    class Own(Completions):
        def create(self, **params: object) -> object:
            return super().create(**params, model="of the subclass")

    assert Own(client).create(messages=[]).model == "of the subclass"


def test_classes_are_built_when_they_are_used() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Completion'"):
        _ = completions.Completion


def test_resources_have_the_verbs_of_their_client(client: oai.OpenAI) -> None:
    class Own(Models):
        def all(self) -> object:
            return self._get("/models", cast_to=oai.Object)

    assert isinstance(Own(client).all(), oai.Object)


def test_the_header_for_raw_responses_returns_one(client: oai.OpenAI, async_client: oai.AsyncOpenAI) -> None:
    import asyncio

    headers = {"X-Stainless-Raw-Response": "true", "x-own": "1"}
    response = client.post("/chat/completions", body={"model": "m"}, options={"headers": headers})
    assert isinstance(response, oai.RawResponse)
    names = {name.lower() for name in response.request.headers}
    assert ("x-own" in names, "x-stainless-raw-response" in names) == (True, False)

    async def post() -> object:
        return await async_client.post("/chat/completions", body={"model": "m"}, extra_headers=headers)

    assert isinstance(asyncio.run(post()), oai.RawResponse)
    streamed = {"X-Stainless-Raw-Response": "stream"}
    with client.post("/chat/completions", body={"model": "m"}, extra_headers=streamed) as open_response:
        assert isinstance(open_response, oai.StreamedResponse)


def test_a_patched_method_of_an_async_class_is_awaited_before_its_first_use() -> None:
    program = """
import subprocess
import sys
from unittest import mock
with mock.patch("oai.resources.responses.AsyncResponses.create") as create:
    print(type(create).__name__)
with mock.patch("oai.resources.responses.Responses.create") as create:
    print(type(create).__name__)
import oai
print(oai.resources.responses.AsyncResponses.create.__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["AsyncMock", "MagicMock", "create"]
