"""The things that are measured: each a function that makes a call or reads a stream, and returns what it got.

The bare ones are written as tightly as their public names allow: that is the limit which the package is held to.
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import urllib3

import oai
from oai.types.chat import ChatCompletion, ChatCompletionChunk

Measured = Callable[[], Any]

MESSAGES: Any = [{"role": "user", "content": "Why is the sky blue?"}]

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "bare",
    "Content-Type": "application/json",
    "Authorization": "Bearer none",
}


def calls(port: int) -> dict[str, Measured]:
    """Return the rivals for a small call, the limits first."""
    url = f"http://127.0.0.1:{port}/v1"
    rivals: dict[str, Measured] = {
        "bare socket": _socket(port),
        "bare urllib3 + msgspec": _urllib3_call(f"{url}/chat/completions"),
        "oai": _oai_call(url),
    }
    if has_official():
        rivals["official SDK"] = _official_call(url)
    return rivals


def streams(port: int) -> dict[str, Measured]:
    """Return the rivals for a stream of 200 events, the limit first."""
    url = f"http://127.0.0.1:{port}/stream"
    rivals: dict[str, Measured] = {
        "bare urllib3 + msgspec": _urllib3_stream(f"{url}/chat/completions"),
        "oai": _oai_stream(url),
    }
    if has_official():
        rivals["official SDK"] = _official_stream(url)
    return rivals


def has_official() -> bool:
    """Tell whether the official SDK is installed."""
    return importlib.util.find_spec("openai") is not None


def _socket(port: int) -> Measured:
    body = msgspec.json.encode({"model": "gpt-5", "messages": MESSAGES})
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    start = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    request = start.encode() + body
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call() -> Any:
        connection.sendall(request)
        return connection.recv(65536)

    return call


def _urllib3_call(url: str) -> Measured:
    pool = urllib3.PoolManager().connection_from_url(url)
    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(ChatCompletion).decode

    def call() -> Any:
        body = encode({"model": "gpt-5", "messages": MESSAGES})
        return decode(pool.urlopen("POST", "/v1/chat/completions", body=body, headers=HEADERS, retries=False).data)

    return call


def _urllib3_stream(url: str) -> Measured:
    pool = urllib3.PoolManager().connection_from_url(url)
    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(ChatCompletionChunk).decode

    def call() -> Any:
        body = encode({"model": "gpt-5", "messages": MESSAGES, "stream": True})
        path = "/stream/chat/completions"
        reply = pool.urlopen("POST", path, body=body, headers=HEADERS, retries=False, preload_content=False)
        count, tail = 0, b""
        while piece := reply.read1(65536):
            lines = (tail + piece).split(b"\n\n")
            tail = lines.pop()
            for line in lines:
                if line != b"data: [DONE]":
                    decode(line[6:])
                    count += 1
        return count

    return call


def _oai_call(url: str) -> Measured:
    client: Any = oai.OpenAI(api_key="none", base_url=url)
    return lambda: client.chat.completions.create(model="gpt-5", messages=MESSAGES)


def _oai_stream(url: str) -> Measured:
    client: Any = oai.OpenAI(api_key="none", base_url=url)
    return lambda: _count(client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True))


def _official_call(url: str) -> Measured:
    import openai

    client = openai.OpenAI(api_key="none", base_url=url)
    return lambda: client.chat.completions.create(model="gpt-5", messages=MESSAGES)


def _official_stream(url: str) -> Measured:
    import openai

    client = openai.OpenAI(api_key="none", base_url=url)
    return lambda: _count(client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True))


def _count(stream: Iterable[object]) -> int:
    return sum(1 for _ in stream)
