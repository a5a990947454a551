"""The conformance suite: what every transport must do, run by pytest over a server on this machine.

    from oai.testing import TransportConformance

    class TestMine(TransportConformance):
        def make_transport(self):
            return MyTransport()

`AsyncTransportConformance` is the same for an async one, and adds what cancellation and event loops bring along. All
cases that both have are written once. A case that says nothing about a transport is left out by a flag, or by
name: `test_cookies_are_not_kept = None`.
"""

from __future__ import annotations

from oai.testing._cases.async_only import AsyncCases
from oai.testing._cases.bodies import BodyCases
from oai.testing._cases.closing import EndingCases
from oai.testing._cases.failures import FailingCases
from oai.testing._cases.heads import HeadCases
from oai.testing._cases.network import NetworkCases
from oai.testing._cases.sharing import SharingCases
from oai.testing._cases.timeouts import TimingCases


class TransportConformance(HeadCases, BodyCases, TimingCases, FailingCases, EndingCases, SharingCases, NetworkCases):
    """The cases for a transport. Override `make_transport`, and `dispose` if it makes more than the transport.

    Attributes:
        tls: it refuses servers whose certificate nobody vouches for; off where `trustme` is not installed.
        proxies: it heeds `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; off says that it must not.
        pickles: it pickles, and the copy works; off says that it must refuse with a `TypeError` that names it.
        forks: it can be used in a forked child.
        flat_memory: bodies pass through without being kept.
        exact_limits: `Timeout.total` ends a head that drips in, too, and writing has the limit `write` alone.
        interim: answers of 1xx are passed over; off says that they may be an error.
        lingers: closing a reply just before its end keeps the connection (off unless set).
        patience: seconds within which what should happen at once must have happened.
        memory_size: bytes of the large bodies; `OAI_CONFORMANCE_BYTES` sets it.
        memory_limit: bytes that sending or receiving one may take at most.
        make_trusting: a method that takes an `ssl.SSLContext` and returns a transport that trusts by it; without
            it the cases of good, expired and foreign certificates are left out.
    """


class AsyncTransportConformance(AsyncCases, TransportConformance):
    """The cases for an async transport: those of `TransportConformance`, and more.

    `make_transport` and `dispose` are called in the event loop, and may be coroutine functions.

    Attributes:
        many_loops: one transport serves several event loops; off says that it must refuse the second by a
            `TransportError` that speaks of the loop.
    """
