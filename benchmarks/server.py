"""A loopback server that answers at once with bytes made beforehand, in a process of its own.

It reads a request's head and as many bytes as that announces, and sends the answer of the path; it parses nothing
else. How fast it is by itself is one of the measures, so that it is seen not to be the bottleneck.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EVENTS = 200

CHAT = {
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


def answers() -> dict[bytes, bytes]:
    """Return the answers by path."""
    body = json.dumps(CHAT).encode()
    events = b"".join(b"data: " + json.dumps(chunk(number)).encode() + b"\n\n" for number in range(EVENTS))
    stream = events + b"data: [DONE]\n\n"
    head = (
        b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\nServer: loopback\r\nConnection: keep-alive\r\n"
        b"x-request-id: req_1\r\nopenai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\nCF-Ray: 1-FRA\r\n"
        b"x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n"
    )
    return {
        b"/v1/chat/completions": head
        + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body,
        b"/stream/chat/completions": head
        + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n" % len(stream)
        + stream
        + b"\r\n0\r\n\r\n",
    }


def serve(port_to: multiprocessing.connection.Connection) -> None:
    """Serve until the process is ended, a thread for each connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port_to.send(listener.getsockname()[1])
    planned = answers()
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer, args=(connection, planned), daemon=True).start()


def _answer(connection: socket.socket, planned: dict[bytes, bytes]) -> None:
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
            more = connection.recv(65536)
            data += more
            missing -= len(more)
        path = data[:end].split(b" ", 2)[1]
        data = data[end + 4 + length :]
        connection.sendall(planned[path])


@contextmanager
def running() -> Iterator[int]:
    """Run the server in a process of its own and give its port."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,), daemon=True)
    process.start()
    try:
        yield receiver.recv()
    finally:
        process.terminate()
        process.join()
