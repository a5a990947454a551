"""Transports, each in a module of its own, imported where it is used.

A transport is anything with the two methods of `Transport`. Those here can wrap each other:
`Recorder("chat.cassette", Urllib3Transport())`.
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
)

if TYPE_CHECKING:
    from oai.transports.aiohttp import AiohttpTransport
    from oai.transports.fake import FakeTransport, UnexpectedCall
    from oai.transports.offline import OfflineTransport
    from oai.transports.recorder import CassetteError, CassetteMiss, Recorder, SecretFound, UnusedAnswers
    from oai.transports.urllib3 import Urllib3Transport

_HOMES = {
    "AiohttpTransport": "oai.transports.aiohttp",
    "CassetteError": "oai.transports.recorder",
    "CassetteMiss": "oai.transports.recorder",
    "FakeTransport": "oai.transports.fake",
    "OfflineTransport": "oai.transports.offline",
    "Recorder": "oai.transports.recorder",
    "SecretFound": "oai.transports.recorder",
    "UnexpectedCall": "oai.transports.fake",
    "UnusedAnswers": "oai.transports.recorder",
    "Urllib3Transport": "oai.transports.urllib3",
}

__all__ = [
    "AiohttpTransport",
    "AsyncReply",
    "AsyncTransport",
    "Body",
    "CassetteError",
    "CassetteMiss",
    "FakeTransport",
    "Headers",
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
]

if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            from importlib import import_module

            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
