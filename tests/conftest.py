"""What all tests share: an environment without keys, proxies and settings of the machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("offline", deadline=None, max_examples=60)
settings.load_profile("offline")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "OAI_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
