"""Who is measured against whom: functions that make a call or read a stream, and return what they got.

The bare ones are written as tightly as public names allow: that is the limit which the package is held to. Of urllib3
there are two, as people call it, and with every trick that its public names allow (`tight`).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec
import urllib3

import oai
from benchmarks import tight
from oai.types.chat import ChatCompletion, ChatCompletionChunk

Measured = Callable[[], Any]

OFFICIAL = "official SDK"
OURS = "oai"
SOCKET = "bare socket"

MESSAGES: Any = [{"role": "user", "content": "Why is the sky blue?"}]

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "bare",
    "Content-Type": "application/json",
    "Authorization": "Bearer none",
}


def has(package: str) -> bool:
    """Return whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def calls(port: int, names: Collection[str] | None = None) -> dict[str, Measured]:
    """Return the rivals for a small call: all that are installed, or those of them that are named."""
    url = f"http://127.0.0.1:{port}/v1"
    return {
        name: make(url) for name, (package, make) in CALLS.items() if (names is None or name in names) and has(package)
    }


def streams(port: int) -> dict[str, Measured]:
    """Return the rivals for a stream of 200 events."""
    url = f"http://127.0.0.1:{port}/stream"
    rivals: dict[str, Measured] = {
        SOCKET: _socket_stream(port),
        "tight urllib3": _urllib3_stream(port),
        OURS: _oai_stream(url),
    }
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
    rivals: dict[str, Measured] = {
        SOCKET: _socket_first(port),
        "tight urllib3": _urllib3_first(port),
        OURS: _first(_oai_open(url)),
    }
    if has("openai"):
        rivals[OFFICIAL] = _first(_official_open(url))
    return rivals


def _port(url: str) -> int:
    return int(url.split(":")[2].partition("/")[0])


def _encoded(**more: object) -> Callable[[], bytes]:
    encode = msgspec.json.Encoder().encode
    return lambda: encode({"model": "gpt-5", "messages": MESSAGES, **more})


FIELDS = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())


def request_bytes(path: str, body: bytes) -> bytes:
    """Return a request for a bare socket."""
    head = f"POST {path}/chat/completions HTTP/1.1\r\nHost: x\r\n{FIELDS}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def split_response(data: bytes) -> tuple[bytes, bool]:
    """Return what there is of the body of a response with a length, and whether that is all of it."""
    head, _, body = data.partition(b"\r\n\r\n")
    place = head.find(b"Content-Length:")
    return body, place >= 0 and len(body) >= int(head[place + 15 :].partition(b"\r\n")[0])


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _socket(url: str) -> Measured:
    """Return the limit: a request and a typed answer as fast as one thread can, on a connection of its own."""
    port, mine = _port(url), threading.local()
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode

    def call() -> Any:
        connection = getattr(mine, "connection", None)
        if connection is None:
            connection = mine.connection = _connect(port)
        connection.sendall(request_bytes("/v1", encode()))
        data = connection.recv(65536)
        body, complete = split_response(data)
        while not complete:
            data += connection.recv(65536)
            body, complete = split_response(data)
        return decode(body)

    return call


def _socket_stream(port: int) -> Measured:
    encode, decode = _encoded(stream=True), msgspec.json.Decoder(ChatCompletionChunk).decode

    def call() -> Any:
        count, tail, done = 0, b"", False
        with _connect(port) as connection:
            connection.sendall(request_bytes("/stream", encode()))
            while not done:
                *lines, tail = (tail + connection.recv(65536)).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {"):
                        decode(line[6:])
                        count += 1
                    done = done or line.startswith(b"data: [DONE]")
        return count

    return call


def _socket_first(port: int) -> Measured:
    encode, decode = _encoded(stream=True), msgspec.json.Decoder(ChatCompletionChunk).decode

    def call() -> Any:
        connection = _connect(port)
        connection.sendall(request_bytes("/slow", encode()))
        data = b""
        while (end := data.find(b"\n\n")) < 0:
            data += connection.recv(65536)
        OPEN.append(connection)
        return decode(data[data.find(b"data: ") + 6 : end])

    return call


def _urllib3_call(url: str) -> Measured:
    pool = urllib3.PoolManager(maxsize=32).connection_from_url(url)
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode

    def call() -> Any:
        reply = pool.urlopen("POST", "/v1/chat/completions", body=encode(), headers=HEADERS, retries=False)
        return decode(reply.data)

    return call


def _tight_call(url: str) -> Measured:
    pool = tight.Pool("127.0.0.1", _port(url), maxsize=32)
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
    client = importlib.import_module("pyreqwest.client").SyncClientBuilder().build()  # as litellm below
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode

    def call() -> Any:
        request = client.post(f"{url}/chat/completions").headers(HEADERS).body_bytes(encode()).build()
        return decode(bytes(request.send().bytes()))

    return call


def _httpx_call(url: str, package: str = "httpx") -> Measured:
    client = importlib.import_module(package).Client(headers=HEADERS)
    encode, decode = _encoded(), msgspec.json.Decoder(ChatCompletion).decode
    return lambda: decode(client.post(f"{url}/chat/completions", content=encode()).content)


def _litellm_call(url: str) -> Measured:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks a server for prices when it is imported
    litellm = importlib.import_module("litellm")  # for the type checker, which has it nowhere
    return lambda: litellm.completion(model="openai/gpt-5", messages=MESSAGES, api_base=url, api_key="none")


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


CALLS: dict[str, tuple[str, Callable[[str], Measured]]] = {
    SOCKET: ("socket", _socket),
    "bare urllib3": ("urllib3", _urllib3_call),
    "tight urllib3": ("urllib3", _tight_call),
    OURS: ("oai", _oai_call),
    "bare pyreqwest": ("pyreqwest", _pyreqwest_call),
    "bare httpx": ("httpx", _httpx_call),
    "bare httpx2": ("httpx2", lambda url: _httpx_call(url, "httpx2")),
    "litellm": ("litellm", _litellm_call),
    OFFICIAL: ("openai", _official_call),
}
"""The rivals for a small call: the package that each needs, and what makes the call of a URL."""
