"""Who is measured against whom: functions that make a call or read a stream, and return what they got.

The bare ones are written as tightly as public names allow: that is the limit which the package is held to. Of urllib3
there are two, as people call it, and with every trick that its public names allow (`tight`).
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import urllib3

import oai
from benchmarks import tight
from oai.types.chat import ChatCompletion, ChatCompletionChunk

Measured = Callable[[], Any]

OFFICIAL = "official SDK"
OURS = "oai"

MESSAGES: Any = [{"role": "user", "content": "Why is the sky blue?"}]

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "bare",
    "Content-Type": "application/json",
    "Authorization": "Bearer none",
}


def has(package: str) -> bool:
    """Tell whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def calls(port: int) -> dict[str, Measured]:
    """Return the rivals for a small call."""
    url = f"http://127.0.0.1:{port}/v1"
    rivals: dict[str, Measured] = {
        "bare socket": _socket(port),
        "bare urllib3": _urllib3_call(url),
        "tight urllib3": _tight_call(port),
        OURS: _oai_call(url),
    }
    if has("pyreqwest"):
        rivals["bare pyreqwest"] = _pyreqwest_call(url)
    if has("httpx"):
        rivals["bare httpx"] = _httpx_call(url)
    if has("openai"):
        rivals[OFFICIAL] = _official_call(url)
    return rivals


def streams(port: int) -> dict[str, Measured]:
    """Return the rivals for a stream of 200 events."""
    url = f"http://127.0.0.1:{port}/stream"
    rivals: dict[str, Measured] = {"tight urllib3": _urllib3_stream(port), OURS: _oai_stream(url)}
    if has("openai"):
        rivals[OFFICIAL] = _official_stream(url)
    return rivals


OPEN: list[Any] = []
"""Streams whose first event was measured, to be closed when the clock stands still."""


def close_open() -> None:
    """Close them."""
    while OPEN:
        OPEN.pop().close()


def first_events(port: int) -> dict[str, Measured]:
    """Return the rivals for the first event of a stream that goes on for long."""
    url = f"http://127.0.0.1:{port}/slow"
    rivals: dict[str, Measured] = {"tight urllib3": _urllib3_first(port), OURS: _first(_oai_open(url))}
    if has("openai"):
        rivals[OFFICIAL] = _first(_official_open(url))
    return rivals


def _encoded(**more: object) -> Callable[[], bytes]:
    encode = msgspec.json.Encoder().encode
    return lambda: encode({"model": "gpt-5", "messages": MESSAGES, **more})


def _socket(port: int) -> Measured:
    body = _encoded()()
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
    pool = urllib3.PoolManager(maxsize=32).connection_from_url(url)
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode

    def call() -> Any:
        reply = pool.urlopen("POST", "/v1/chat/completions", body=encode(), headers=HEADERS, retries=False)
        return decode(reply.data)

    return call


def _tight_call(port: int) -> Measured:
    pool = tight.Pool("127.0.0.1", port, maxsize=32)
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode

    def call() -> Any:
        reply = pool.urlopen(
            "POST", "/v1/chat/completions", body=encode(), headers=HEADERS, retries=False, decode_content=False
        )
        return decode(reply.data)

    return call


def _urllib3_stream(port: int) -> Measured:
    pool = tight.Pool("127.0.0.1", port)
    encode, decode = _encoded(stream=True), msgspec.json.Decoder(ChatCompletionChunk).decode

    def call() -> Any:
        reply = _opened(pool, "/stream/chat/completions", encode())
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


def _urllib3_first(port: int) -> Measured:
    encode, decode = _encoded(stream=True), msgspec.json.Decoder(ChatCompletionChunk).decode
    pool = tight.Pool("127.0.0.1", port)

    def call() -> Any:
        reply = _opened(pool, "/slow/chat/completions", encode())
        line, _, _ = reply.read1(65536).partition(b"\n\n")
        OPEN.append(reply)
        return decode(line[6:])

    return call


def _opened(pool: Any, path: str, body: bytes) -> Any:
    return pool.urlopen("POST", path, body=body, headers=HEADERS, retries=False, preload_content=False)


def _pyreqwest_call(url: str) -> Measured:
    from pyreqwest.client import SyncClientBuilder

    client = SyncClientBuilder().build()
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode

    def call() -> Any:
        request = client.post(f"{url}/chat/completions").headers(HEADERS).body_bytes(encode()).build()
        return decode(bytes(request.send().bytes()))

    return call


def _httpx_call(url: str) -> Measured:
    import httpx

    client = httpx.Client(headers=HEADERS)
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode
    return lambda: decode(client.post(f"{url}/chat/completions", content=encode()).content)


def oai_client(url: str) -> Any:
    """Return our client with all that it does switched on: retries, and hooks that are told of each attempt."""
    return oai.OpenAI(api_key="none", base_url=url, on_reply=_look)


def _look(attempt: Any) -> None:
    """Do as a hook that counts."""
    _ = attempt.status


def official_client(url: str) -> Any:
    """Return the official SDK's client."""
    import openai

    return openai.OpenAI(api_key="none", base_url=url)


def _oai_call(url: str) -> Measured:
    client = oai_client(url)
    return lambda: client.chat.completions.create(model="gpt-5", messages=MESSAGES)


def _official_call(url: str) -> Measured:
    client = official_client(url)
    return lambda: client.chat.completions.create(model="gpt-5", messages=MESSAGES)


def _oai_open(url: str) -> Measured:
    client = oai_client(url)
    return lambda: client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True)


def _official_open(url: str) -> Measured:
    client = official_client(url)
    return lambda: client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True)


def _oai_stream(url: str) -> Measured:
    opened = _oai_open(url)
    return lambda: _count(opened())


def _official_stream(url: str) -> Measured:
    opened = _official_open(url)
    return lambda: _count(opened())


def _first(opened: Measured) -> Measured:
    def call() -> Any:
        stream = opened()
        OPEN.append(stream)
        return next(iter(stream))

    return call


def _count(stream: Iterable[object]) -> int:
    return sum(1 for _ in stream)
