"""What tests of code that uses `oai` need, and tests of transports: servers that answer or go wrong, and the suite.

    from oai.testing import Answer, Loopback, TransportConformance, serve

Names are imported when they are first used: pytest loads this package wherever oai is installed. The server needs the
standard library alone; the conformance suite is for pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._support.lazy import attach

if TYPE_CHECKING:
    from oai._serve.server import serve as serve
    from oai.testing.conformance import AsyncTransportConformance as AsyncTransportConformance
    from oai.testing.conformance import TransportConformance as TransportConformance
    from oai.testing.loopback import Answer as Answer
    from oai.testing.loopback import Loopback as Loopback
    from oai.testing.loopback import Part as Part
    from oai.testing.loopback import Plan as Plan
    from oai.testing.loopback import Seen as Seen
else:
    _found, __dir__ = attach(
        __name__,
        {
            "oai._serve.server": "serve",
            "oai.testing.conformance": "AsyncTransportConformance TransportConformance",
            "oai.testing.loopback": "Answer Loopback Part Plan Seen",
        },
    )

    CASES = ("async_only", "bodies", "closing", "failures", "heads", "network", "suite", "sharing", "timeouts")

    def __getattr__(name: str) -> Any:
        if name.endswith("TransportConformance"):
            import pytest

            # The cases say what they saw by plain assertions, as those of a test file do.
            pytest.register_assert_rewrite(*(f"oai.testing._cases.{case}" for case in CASES))
        return _found(name)
