"""Transports, each in a module of its own, imported where it is used.

A transport is anything with the two methods of `Transport`. Those here can wrap each other:
`Recorder("chat.cassette", Limiter(Urllib3Transport(), in_flight=4))`; `limiter` is the example to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._http import (
    AsyncReply,
    AsyncTransport,
    Body,
    Headers,
    Reply,
    Request,
    Timeout,
    Transport,
    TransportError,
    is_async,
)

if TYPE_CHECKING:
    from oai.transports.aiohttp import AiohttpTransport
    from oai.transports.asgi import AsgiTransport
    from oai.transports.blocking import BlockingTransport
    from oai.transports.failing import Fail, FailingTransport
    from oai.transports.fake import FakeTransport, UnexpectedCall
    from oai.transports.httpx import AsyncHttpxTransport, HttpxTransport
    from oai.transports.limiter import Limiter
    from oai.transports.offline import OfflineTransport
    from oai.transports.recorder import CassetteError, CassetteMiss, Recorder, SecretFound, UnusedAnswers
    from oai.transports.urllib3 import Urllib3Transport
    from oai.transports.wsgi import WsgiTransport

_HOMES = {
    "AiohttpTransport": "oai.transports.aiohttp",
    "AsgiTransport": "oai.transports.asgi",
    "AsyncHttpxTransport": "oai.transports.httpx",
    "BlockingTransport": "oai.transports.blocking",
    "CassetteError": "oai.transports.recorder",
    "CassetteMiss": "oai.transports.recorder",
    "FakeTransport": "oai.transports.fake",
    "Fail": "oai.transports.failing",
    "FailingTransport": "oai.transports.failing",
    "HttpxTransport": "oai.transports.httpx",
    "Limiter": "oai.transports.limiter",
    "OfflineTransport": "oai.transports.offline",
    "Recorder": "oai.transports.recorder",
    "SecretFound": "oai.transports.recorder",
    "UnexpectedCall": "oai.transports.fake",
    "UnusedAnswers": "oai.transports.recorder",
    "Urllib3Transport": "oai.transports.urllib3",
    "WsgiTransport": "oai.transports.wsgi",
}

__all__ = [
    "AiohttpTransport",
    "AsgiTransport",
    "AsyncHttpxTransport",
    "AsyncReply",
    "AsyncTransport",
    "BlockingTransport",
    "Body",
    "CassetteError",
    "CassetteMiss",
    "Fail",
    "FailingTransport",
    "FakeTransport",
    "Headers",
    "HttpxTransport",
    "Limiter",
    "OfflineTransport",
    "Recorder",
    "Reply",
    "Request",
    "SecretFound",
    "Timeout",
    "Transport",
    "TransportError",
    "UnexpectedCall",
    "UnusedAnswers",
    "Urllib3Transport",
    "WsgiTransport",
    "is_async",
]


if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            from importlib import import_module

            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
