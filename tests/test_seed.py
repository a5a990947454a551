"""Call every operation of the seed over a socket, by the seed's name and by the official SDK's."""

from __future__ import annotations

import asyncio
import json
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from paths import DATA
from planted import KEY

import oai
from oai.testing import Answer, Loopback

VECTORS = [json.loads(line) for line in (DATA / "seed.jsonl").read_text().splitlines()]
CASES = [
    pytest.param(vector, form, kind, id=f"{kind}: {vector[form]['name']}: {vector['seed']}")
    for vector in VECTORS
    for form in ("alias", "canonical")
    for kind in ("sync", "async")
]

PICTURE = b"\x89PNG and so on"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(PICTURE)
    return path


def answer_of(vector: dict[str, Any]) -> Answer:
    headers = [("x-request-id", "req-1")]
    match vector["answer_kind"]:
        case "events":
            return Answer.events(vector["answer"], headers=headers)
        case "bytes":
            return Answer(body=vector["answer"], headers=headers)
    return Answer.of_json(vector["answer"], headers=headers)


def call(client: oai.OpenAI, planned: dict[str, Any], picture: Path) -> Any:
    function: Any = client
    for name in planned["name"].split("."):
        function = getattr(function, name)
    args = [picture if arg == "@picture" else arg for arg in planned["args"]]
    kwargs = {name: picture if value == "@picture" else value for name, value in planned["kwargs"].items()}
    return function(*args, **kwargs)


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_none(item) for name, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def run(kind: str, url: str, vector: dict[str, Any], form: str, picture: Path) -> tuple[Any, list[Any]]:
    """Call an operation with a sync or async client, and return the result or the events."""
    options: dict[str, Any] = {"api_key": KEY, "base_url": f"{url}/v1", "max_retries": 0}
    is_stream = vector["answer_kind"] == "events"
    if kind == "sync":
        with oai.OpenAI(**options) as client:
            result = call(client, vector[form], picture)
            return result, list(result) if is_stream else []

    async def main() -> tuple[Any, list[Any]]:
        async with oai.AsyncOpenAI(**options) as client:
            result = await call(client, vector[form], picture)
            return result, [event async for event in result] if is_stream else []

    return asyncio.run(main())


@pytest.mark.parametrize(("vector", "form", "kind"), CASES)
def test_seed_call_sends_the_expected_request_and_returns_a_struct(
    vector: dict[str, Any], form: str, kind: str, server: Loopback, picture: Path
) -> None:
    server.reply(answer_of(vector))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        result, events = run(kind, server.url, vector, form, picture)
    (seen,) = server.requests
    assert (seen.method, seen.path) == (vector["method"], "/v1" + vector["path"])
    assert sorted(parse_qsl(seen.query)) == sorted(parse_qsl(vector.get("query", "")))
    assert seen.header("authorization") == "Bearer the-key-of-the-tests"
    assert seen.header("openai-beta") == vector.get("beta")
    if "form" in vector:
        parts = {part.name: part for part in seen.form()}
        assert {name: "@" if part.filename else part.content.decode() for name, part in parts.items()} == vector["form"]
        (upload,) = [part for part in parts.values() if part.filename]
        assert (upload.filename, upload.content_type, upload.content) == ("cat.png", "image/png", PICTURE)
    elif "body" in vector:
        assert seen.header("content-type") == "application/json"
        operation = seen.path.removeprefix("/v1/")
        defaults = {"encoding_format": "base64"} if operation == "embeddings" else {}  # as the official SDK sends
        assert seen.json() == {**defaults, **vector["body"]}
    else:
        assert seen.body == b""
    match vector["answer_kind"]:
        case "events":
            assert {type(event).__name__ for event in events} == {vector["type"]}
            assert without_none([event.to_dict() for event in events]) == without_none(vector["answer"])
        case "bytes":
            assert type(result).__name__ == vector["type"]
            assert result.content == vector["answer"].encode()
        case _:
            assert type(result).__name__ == vector["type"]
            assert without_none(result.to_dict()) == without_none(vector["answer"])
    assert result._request_id == "req-1"


def test_there_is_a_vector_for_each_form_of_the_seed() -> None:
    assert len({vector["seed"] for vector in VECTORS}) == len(VECTORS) == 66


@pytest.mark.parametrize(
    "vector", [vector for vector in VECTORS if vector.get("deprecated")], ids=lambda vector: vector["seed"]
)
def test_deprecated_operation_warns_at_every_call(
    vector: dict[str, Any], server: Loopback, tmp_path: Path, picture: Path
) -> None:
    client = oai.OpenAI(api_key="k", base_url=f"{server.url}/v1")
    server.reply(answer_of(vector), answer_of(vector))
    for way in (vector["alias"], vector["canonical"]):
        with pytest.warns(DeprecationWarning, match=f"{vector['canonical']['name']} is deprecated: ") as caught:
            call(client, way, picture)
        assert [warning.filename for warning in caught] == [__file__]
    client.close()


def test_name_can_be_alias_and_namespace(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"object": "list", "data": []})
    server.reply(json={"id": "m", "object": "model", "created": 1, "owned_by": "me"})
    assert client.models.list().data == []
    assert client.models("m").id == "m"
    assert [seen.path for seen in server.requests] == ["/v1/models", "/v1/models/m"]


def test_path_parameter_of_retrieve_can_be_a_keyword(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(json={"id": "m", "object": "model", "created": 1, "owned_by": "me"})
    assert client.models(model="m").id == "m"


def test_retrieve_rejects_parameters_of_list(client: oai.OpenAI) -> None:
    with pytest.raises(TypeError, match=r"files\(\) got an unexpected keyword argument 'limit'"):
        client.files("file-1", limit=3)
