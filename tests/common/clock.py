"""A clock for tests of deadlines, so that none has to wait, or is late on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest


def let_a_minute_pass(monkeypatch: pytest.MonkeyPatch, once: Callable[[], object]) -> None:
    """Set the clock by which helpers wait a minute ahead as soon as a condition holds."""
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 60 * bool(once()))
    monkeypatch.setattr("oai.helpers.polling.time", clock)
