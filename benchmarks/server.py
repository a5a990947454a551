"""A loopback server that answers at once with bytes made beforehand, in a process of its own.

It reads a request's head and as many bytes as that announces, and sends the answer of the path; it parses nothing
else. How fast it is by itself is one of the measures, so that it is seen not to be the bottleneck.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

EVENTS = 200

CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-5",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "The sky scatters blue light.", "refusal": None},
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19},
}

FILE = {
    "id": "file-0123456789",
    "object": "file",
    "bytes": 1200,
    "created_at": 1700000000,
    "filename": "questions.jsonl",
    "purpose": "batch",
    "status": "processed",
}


def chunk(number: int) -> dict[str, object]:
    """Return the chunk of a stream."""
    choice = {"index": 0, "delta": {"content": f" word{number}"}, "logprobs": None, "finish_reason": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-5",
        "choices": [choice],
    }


HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\nServer: loopback\r\nConnection: keep-alive\r\n"
    b"x-request-id: req_1\r\nopenai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\nCF-Ray: 1-FRA\r\n"
    b"x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n"
)
WHOLE = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
STREAMED = b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

LARGE = 1 << 20
"""Bytes of a request body from which it is not kept."""


def answers() -> dict[bytes, list[bytes]]:
    """Return the answers by path, in the pieces in which they are sent."""
    body = json.dumps(CHAT).encode()
    file = json.dumps(FILE).encode()
    events = [b"data: " + json.dumps(chunk(number)).encode() + b"\n\n" for number in range(EVENTS)]
    stream = b"".join(events) + b"data: [DONE]\n\n"
    first = b"%x\r\n%b\r\n" % (len(events[0]), events[0])
    return {
        b"/v1/chat/completions": [HEAD + WHOLE % len(body) + body],
        b"/v1/files": [HEAD + WHOLE % len(file) + file],
        b"/stream/chat/completions": [HEAD + STREAMED + b"%x\r\n" % len(stream) + stream + b"\r\n0\r\n\r\n"],
        b"/slow/chat/completions": [HEAD + STREAMED + first],  # and the rest never
    }


def serve(port_to: multiprocessing.connection.Connection) -> None:
    """Serve until the process is ended, a thread for each connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port_to.send(listener.getsockname()[1])
    planned = answers()
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer, args=(connection, planned), daemon=True).start()


def answer(connection: socket.socket, planned: dict[bytes, list[bytes]]) -> None:
    """Answer the requests of one connection until it is closed."""
    with connection, suppress(ConnectionError):  # who has read enough of a long answer resets
        _answer_all(connection, planned)


def _answer_all(connection: socket.socket, planned: dict[bytes, list[bytes]]) -> None:
    data = b""
    while True:
        while (end := data.find(b"\r\n\r\n")) < 0:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        head = data[:end].lower()
        place = head.find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        missing = end + 4 + length - len(data)
        while missing > 0:
            more = connection.recv(min(missing, 1 << 18))
            missing -= len(more)
            if length < LARGE:
                data += more
        path = data[:end].split(b" ", 2)[1]
        data = data[end + 4 + length :] if length < LARGE else b""
        for piece in planned[path] if path in planned else _large(path):
            connection.sendall(piece)


def _large(path: bytes) -> Iterator[bytes]:
    """Yield an answer of some size: `/bytes/SIZE/...`, `/events/COUNT/...`, `/text/KB/...`, `/files/KB/...`."""
    _, kind, number, _ = path.split(b"/", 3)
    count = int(number)
    if kind == b"bytes":
        yield HEAD + b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % count
        for _ in range(count >> 20):
            yield bytes(1 << 20)
    elif kind == b"events":
        yield HEAD + STREAMED
        for _ in range(count // 100):
            yield _events(100)
        if count % 100:
            yield _events(count % 100)
        yield b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
    else:
        yield _answer_of(kind, 1000 * count)


@cache
def _events(count: int) -> bytes:
    """Return so many events as one chunk."""
    events = b"".join(b"data: " + json.dumps(chunk(each)).encode() + b"\n\n" for each in range(count))
    return b"%x\r\n%b\r\n" % (len(events), events)


@cache
def _answer_of(kind: bytes, size: int) -> bytes:
    """Return an answer of about so many bytes: one long text, or a list of small objects."""
    if kind == b"text":
        choice: dict[str, Any] = {**CHAT["choices"][0], "message": {"role": "assistant", "content": ""}}
        empty = len(json.dumps({**CHAT, "choices": [choice]}))
        choice["message"]["content"] = ("The sky scatters blue light. " * (size // 29 + 1))[: max(size - empty, 0)]
        answer = {**CHAT, "choices": [choice]}
    else:
        each = len(json.dumps(FILE)) + 2
        answer = {"object": "list", "has_more": False, "data": [FILE] * max(size // each, 1)}
    body = json.dumps(answer).encode()
    return HEAD + WHOLE % len(body) + body


PINS = hasattr(os, "sched_setaffinity")
"""Whether the platform can keep a process on one core. A call between two cores takes some 45 us more than on one."""

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def running() -> Iterator[tuple[int, int]]:
    """Run the server in a process of its own and give its port and its process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,), daemon=True)
    process.start()
    sender.close()  # so that a server that fails is noticed
    try:
        yield receiver.recv(), process.pid or 0
    finally:
        process.terminate()
        process.join()


def pin(server: int, *, together: bool) -> None:
    """Keep this process on one core, and the server on the same one or on another, where the platform can.

    A thread inherits its core from the one that makes it, so that this holds for the connections that are made next.
    """
    if PINS:
        first, *others = CORES
        os.sched_setaffinity(0, {first})
        os.sched_setaffinity(server, {first} if together or not others else {others[0]})
