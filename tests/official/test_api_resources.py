"""The official SDK's own test requests, `tests/api_resources` of its source distribution, are sent alike by both clients.

`OFFICIAL_SDIST` names the unpacked source distribution, of whatever version is pinned. Each case of the suite runs with
either client and the suite's own keys; what is compared is every request, and whether the case ended well.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.official.faults import KNOWN_FAULTS
from tests.official.sides import Sent
from tests.official.suite import Outcome, Player

SDIST = os.environ.get("OFFICIAL_SDIST")
ROOT = Path(SDIST or "", "tests", "api_resources")
MODULES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("test_*.py")) if SDIST else []

EXCUSED: dict[tuple[str, str], str] = {
    ("test_embeddings.py", "[strict]"): "the SDK's strict validation refuses the base64 that the SDK itself asks for",
    ("test_embeddings.py", "[aiohttp]"): "as above: this variant validates strictly",
}
"""Cases whose end differs on purpose, by module and a part of their name. Requests have no exceptions."""

NO_REQUEST = "test_path_params_"
"""How cases begin that are refused before anything is sent."""

pytestmark = pytest.mark.skipif(
    not SDIST, reason="OFFICIAL_SDIST names no directory of the official SDK's source distribution (.ci/run fetches it)"
)


def compared(requests: list[Sent]) -> list[Any]:
    return [{**vars(each), "body": _renamed(each.body)} for each in requests]


def _renamed(value: Any) -> Any:
    if "request: nested names" not in KNOWN_FAULTS:
        return value
    if isinstance(value, dict):
        return {name.removesuffix("_"): _renamed(each) for name, each in value.items()}
    return [_renamed(each) for each in value] if isinstance(value, list) else value


def is_excused(module: str, case: str) -> bool:
    return any(module == each and part in case for each, part in EXCUSED)


@pytest.mark.parametrize("module", MODULES)
def test_both_send_the_same(module: str) -> None:
    different: dict[str, Any] = {}
    for case, ours, theirs in Player(ROOT / module).cases():
        assert theirs.requests or NO_REQUEST in case, case
        if compared(ours.requests) != compared(theirs.requests):
            different[case] = (ours, theirs)
        elif is_excused(module, case):
            continue
        elif ours.error != theirs.error or ours.error:
            different[case] = (ours.error, theirs.error)
    assert different == {}


def test_excused_cases_still_differ() -> None:
    found = {
        (module, part)
        for module in {module for module, _ in EXCUSED}
        for case, ours, theirs in Player(ROOT / module).cases()
        for part in {part for each, part in EXCUSED if each == module and part in case}
        if ours.error != theirs.error
    }
    assert found == {*EXCUSED}


def test_the_whole_suite_is_played() -> None:
    assert len(MODULES) > 100
    cases = sum((ROOT / module).read_text(encoding="utf-8").count("def test_") for module in MODULES)
    assert cases > 3400


def test_a_different_request_would_show(tmp_path: Path) -> None:
    source = (
        "from openai import OpenAI\n"
        "class TestOne:\n"
        "    def test_name(self, client):\n"
        "        client.models.retrieve(OpenAI.__module__)\n"
    )
    (tmp_path / "test_one.py").write_text(source)
    for _, ours, theirs in Player(tmp_path / "test_one.py").cases():
        assert isinstance(ours, Outcome)
        assert compared(ours.requests) != compared(theirs.requests)
