"""What happens without a network: decoding, encoding, clients and tables."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import msgspec

import oai
from benchmarks import rivals
from benchmarks.server import CHAT
from oai._json.decode import decode
from oai._json.encode import encode
from oai._json.vectors import decode_unpacked
from oai.types.chat import ChatCompletion

Measured = dict[str, Callable[[], Any]]

FILES = {
    "object": "list",
    "has_more": False,
    "first_id": "file-0",
    "last_id": "file-99",
    "data": [
        {
            "id": f"file-{number}",
            "object": "file",
            "bytes": 1200,
            "created_at": 1700000000,
            "filename": f"{number}.jsonl",
            "purpose": "batch",
            "status": "processed",
        }
        for number in range(100)
    ],
}

TEXT = "The sky scatters blue light more than red, which is why it looks as it does. " * 36

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1700000000.0,
    "model": "gpt-5",
    "status": "completed",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 10,
        "output_tokens": 20,
        "total_tokens": 30,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}

NEW_FIELD = json.loads(json.dumps(CHAT))
NEW_FIELD["choices"][0]["message"]["brand_new"] = {"a": 1}

EMBEDDINGS = {
    "object": "list",
    "model": "e",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
    "data": [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(struct.pack("<1536f", *(index / 7 + i / 1536 for i in range(1536)))).decode(),
        }
        for index in range(100)
    ],
}


def decoding() -> dict[str, Measured]:
    """Return the rivals for each answer that is decoded, the limit first where there is one."""
    from oai.types.responses import Response as ResponsesResponse

    found = {
        "a chat answer": _decode(CHAT, "chat.completions.create", ChatCompletion, "chat.ChatCompletion"),
        "a 3.7 KB response": _decode(RESPONSE, "responses.create", ResponsesResponse, "responses.Response"),
        "100 files": _decode(FILES, "files.list", oai.CursorPage[oai.types.FileObject], ""),
        "a chat answer with a new field": _decode(NEW_FIELD, "chat.completions.create", None, "chat.ChatCompletion"),
    }
    found["100 embeddings of 1,536"] = _embeddings(arrays=False)
    found["100 embeddings of 1,536 as arrays"] = _embeddings(arrays=True)
    return found


def _decode(value: Any, name: str, kind: Any, official: str) -> Measured:
    body = json.dumps(value).encode()
    answer = _operation(name).response_type
    measured: Measured = {}
    if kind is not None:
        alone = msgspec.json.Decoder(kind).decode
        measured["msgspec alone"] = lambda: alone(body)  # as below: the function around it is the benchmark's
    measured[rivals.OURS] = lambda: decode(answer, body)
    if rivals.has("openai"):
        measured[rivals.OFFICIAL] = _official(body, official)
    return measured


def _official(body: bytes, name: str) -> Callable[[], Any]:
    """Return what the official SDK does with a body: its own decoding of JSON, then its own building of models."""
    from openai import types
    from openai._models import construct_type  # its only way from data to a model as its client goes

    kind: Any
    if name:
        kind = types
        for part in name.split("."):
            kind = getattr(kind, part)
    else:
        from openai.pagination import SyncCursorPage

        kind = SyncCursorPage[types.FileObject]
    return lambda: construct_type(type_=kind, value=json.loads(body))


def _embeddings(*, arrays: bool) -> Measured:
    """Return the rivals for embeddings: lists by default, or arrays (`embeddings_as_arrays`); the SDK makes lists."""
    body = json.dumps(EMBEDDINGS).encode()
    operation = _operation("embeddings.create")
    place = operation.row.vectors

    def ours() -> Any:
        return decode_unpacked(operation.response_type, body, place, arrays=arrays)

    measured: Measured = {"msgspec, left as text": _partial(msgspec.json.decode, body), rivals.OURS: ours}
    if rivals.has("openai"):
        construct = _official(body, "CreateEmbeddingResponse")

        def official() -> Any:
            answer = construct()
            for each in answer.data:  # as its embeddings.create does, where there is no numpy
                each.embedding = list(struct.unpack("<1536f", base64.b64decode(each.embedding)))
            return answer

        measured[rivals.OFFICIAL] = official
    return measured


def encoding(*, official: bool) -> Measured:
    """Return the rivals for a request of 2,000 messages and 50 tools, with the official SDK or without."""
    parameters = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(5)}}
    tools = [{"type": "function", "function": {"name": f"f{i}", "parameters": parameters}} for i in range(50)]
    messages = [{"role": "user", "content": f"message {i}"} for i in range(2000)]
    body = {"model": "gpt-5", "messages": messages, "tools": tools}
    measured: Measured = {"msgspec alone": _partial(msgspec.json.encode, body), rivals.OURS: _partial(encode, body)}
    if official and rivals.has("openai"):
        measured[rivals.OFFICIAL] = _official_encoding(body)
    return measured


def _official_encoding(body: dict[str, Any]) -> Callable[[], Any]:
    """Return what the official SDK does with a request: it goes through all of it by its types, then makes JSON."""
    from openai._utils import maybe_transform  # as its chat.completions.create does
    from openai._utils._json import openapi_dumps
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    return lambda: openapi_dumps(maybe_transform(body, CompletionCreateParamsNonStreaming))


def clients() -> Measured:
    """Return the rivals for a client after the first."""
    measured: Measured = {rivals.OURS: lambda: oai.OpenAI(api_key="none")}
    if rivals.has("openai"):
        import openai

        measured[rivals.OFFICIAL] = lambda: openai.OpenAI(api_key="none")
    return measured


def _operation(name: str) -> Any:
    from oai._table.load import shipped_table
    from oai._table.operation import Operation

    return Operation(name, shipped_table()[name])


def _partial(function: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
    return lambda: function(argument)
