"""Every transport that sends over sockets, through the conformance suite that users have for theirs."""

from __future__ import annotations

import ssl
from typing import Any

from oai.testing import AsyncTransportConformance, TransportConformance
from oai.transports import AiohttpTransport, Urllib3Transport


class TestUrllib3(TransportConformance):
    lingers = True

    def make_transport(self) -> Any:
        return Urllib3Transport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return Urllib3Transport(ssl_context=context)


class TestAiohttp(AsyncTransportConformance):
    lingers = True

    def make_transport(self) -> Any:
        return AiohttpTransport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return AiohttpTransport(ssl_context=context)
