"""The conformance suite: the behaviour required of every transport, run by pytest against a loopback server.

    from oai.testing import TransportConformance

    class TestMine(TransportConformance):
        def make_transport(self):
            return MyTransport()

`AsyncTransportConformance` is the same for async transports, with additional cases for cancellation and event loops.
Leave out cases that do not apply to a transport by a flag, or one by its name: `test_cookies_are_not_kept = None`.
"""

from __future__ import annotations

from oai.testing._cases.async_only import AsyncCases
from oai.testing._cases.bodies import BodyCases
from oai.testing._cases.closing import EndingCases
from oai.testing._cases.connections import ConnectionCases
from oai.testing._cases.failures import FailingCases
from oai.testing._cases.heads import HeadCases
from oai.testing._cases.network import NetworkCases
from oai.testing._cases.sharing import SharingCases
from oai.testing._cases.timeouts import TimingCases


class TransportConformance(
    HeadCases, BodyCases, TimingCases, FailingCases, EndingCases, SharingCases, NetworkCases, ConnectionCases
):
    """The cases for a sync transport. Override `make_transport`, and `dispose` if that creates further resources.

    Attributes:
        tls: the transport rejects servers with untrusted certificates; off if `trustme` is not installed.
        proxies: it uses `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; if off, it must ignore them.
        pickles: it pickles, and the copy works; if off, pickling must raise a `TypeError` that names it.
        forks: it can be used in a forked child.
        flat_memory: bodies are not buffered as a whole.
        exact_limits: `Timeout.total` also limits a head that arrives slowly, and `write` alone limits writing.
        interim: responses of 1xx are skipped; if off, they may be an error.
        owns_connections: it implements HTTP and connections itself (off by default): stricter cases apply.
        lingers: closing a reply just before its end keeps the connection (off by default).
        patience: the seconds within which immediate effects must be visible.
        memory_size: the size of large bodies in bytes; set by `OAI_CONFORMANCE_BYTES`.
        memory_limit: the memory in bytes that sending or receiving a large body may use.
        make_trusting: a method that takes an `ssl.SSLContext` and returns a transport that uses it; without it, the
            cases with trusted, expired and mismatched certificates are left out.
    """


class AsyncTransportConformance(AsyncCases, TransportConformance):
    """The cases for an async transport: those of `TransportConformance`, and more.

    `make_transport` and `dispose` are called in the event loop, and may be coroutine functions.

    Attributes:
        many_loops: one transport serves several event loops; if off, use in a second loop must raise a
            `TransportError` whose message mentions the loop.
    """
