"""Test support: servers that respond or fail as programmed, and the conformance suite for transports.

    from oai.testing import Answer, Loopback, TransportConformance, serve

Names are imported on first use, since pytest loads this package in every session of an environment with oai installed.
The servers need only the standard library; the conformance suite needs pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._support.lazy import attach

__all__ = [
    "Answer",
    "AsyncTransportConformance",
    "Loopback",
    "Part",
    "Plan",
    "Seen",
    "TransportConformance",
    "serve",
]

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

            # pytest rewrites assertions in test files only; without this a failing case would not show the values.
            pytest.register_assert_rewrite(*(f"oai.testing._cases.{case}" for case in CASES))
        return _found(name)
