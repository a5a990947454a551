"""Transports send the requests of a client, or wrap another transport that does.

A transport is any object with the two methods of `Transport`. Those here can wrap each other:
`Recorder("chat.cassette", Limiter(HTTPTransport(), in_flight=4))`. Each is in a module of its own, which is imported
when it is used; `limiter` is the example to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oai._http.messages import (
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
from oai._support.lazy import attach

if TYPE_CHECKING:
    from oai.transports.aiohttp import AiohttpTransport
    from oai.transports.asgi import AsgiTransport
    from oai.transports.async_http import AsyncHTTPTransport
    from oai.transports.balancer import Balancer
    from oai.transports.blocking import BlockingTransport
    from oai.transports.cache import Cache, CacheError, CacheInfo
    from oai.transports.failing import Fail, FailingTransport
    from oai.transports.fake import FakeTransport, UnexpectedCall
    from oai.transports.fallback import Fallback, Target, TargetInfo
    from oai.transports.http import HTTPTransport
    from oai.transports.httpx import AsyncHttpxTransport, HttpxTransport
    from oai.transports.limit_server import LimitServer
    from oai.transports.limiter import Limiter
    from oai.transports.offline import OfflineTransport
    from oai.transports.recorder import CassetteError, CassetteMiss, Recorder, SecretFound, UnusedAnswers
    from oai.transports.urllib3 import Urllib3Transport
    from oai.transports.usage import Budget, BudgetExceededError, Usage
    from oai.transports.wsgi import WsgiTransport

__all__ = [
    "AiohttpTransport",
    "AsgiTransport",
    "AsyncHTTPTransport",
    "AsyncHttpxTransport",
    "AsyncReply",
    "AsyncTransport",
    "Balancer",
    "BlockingTransport",
    "Body",
    "Budget",
    "BudgetExceededError",
    "Cache",
    "CacheError",
    "CacheInfo",
    "CassetteError",
    "CassetteMiss",
    "Fail",
    "FailingTransport",
    "FakeTransport",
    "Fallback",
    "HTTPTransport",
    "Headers",
    "HttpxTransport",
    "LimitServer",
    "Limiter",
    "OfflineTransport",
    "Recorder",
    "Reply",
    "Request",
    "SecretFound",
    "Target",
    "TargetInfo",
    "Timeout",
    "Transport",
    "TransportError",
    "UnexpectedCall",
    "UnusedAnswers",
    "Urllib3Transport",
    "Usage",
    "WsgiTransport",
    "is_async",
]


if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here
    __getattr__, __dir__ = attach(
        __name__,
        {
            "oai.transports.aiohttp": "AiohttpTransport",
            "oai.transports.asgi": "AsgiTransport",
            "oai.transports.async_http": "AsyncHTTPTransport",
            "oai.transports.balancer": "Balancer",
            "oai.transports.blocking": "BlockingTransport",
            "oai.transports.cache": "Cache CacheError CacheInfo",
            "oai.transports.failing": "Fail FailingTransport",
            "oai.transports.fake": "FakeTransport UnexpectedCall",
            "oai.transports.fallback": "Fallback Target TargetInfo",
            "oai.transports.http": "HTTPTransport",
            "oai.transports.httpx": "AsyncHttpxTransport HttpxTransport",
            "oai.transports.limit_server": "LimitServer",
            "oai.transports.limiter": "Limiter",
            "oai.transports.offline": "OfflineTransport",
            "oai.transports.recorder": "CassetteError CassetteMiss Recorder SecretFound UnusedAnswers",
            "oai.transports.urllib3": "Urllib3Transport",
            "oai.transports.usage": "Budget BudgetExceededError Usage",
            "oai.transports.wsgi": "WsgiTransport",
        },
    )
