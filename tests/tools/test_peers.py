"""The peers command: it runs a package's tests on both sides, and reports what passes with the SDK alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

from tools.peers.__main__ import main, read_peers
from tools.peers.compare import Outcome, describe, grouped, lost, read_outcomes

SDK = '''
"""A stand-in for the official SDK."""
__version__ = "0"

def private_part():
    return 1
'''

TESTS = """
import socket
import time

import openai
import pytest

def test_both_pass():
    assert openai.__version__

def test_sdk_alone_passes():
    openai.private_part()

def test_private_part():
    openai.private_part()

def test_oai_alone_passes():
    assert openai.OpenAI

def test_network_is_blocked():
    with pytest.raises(OSError, match="blocked"):
        socket.create_connection(("192.0.2.1", 80), 1)

def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 1).close()

def test_takes_too_long():
    while True:
        try:
            time.sleep(5)
        except Exception:
            pass
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package whose directory has names that this repository has as well: `tests`, `tools`."""
    for path, text in {
        "openai.py": SDK,
        "tools.py": "OWN = True",
        "tests/__init__.py": "",
        "tests/conftest.py": "import openai\nfrom tools import OWN",
        "tests/test_use.py": TESTS,
        "tests/test_import.py": "from openai import private_part\n\ndef test_it(): private_part()",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.mark.thorough
def test_command_reports_both_counts_and_groups_causes(package: Path) -> None:
    tests = ["--tests", "tests/test_*.py", "--private", "*::test_private_part", "--test-timeout", "2"]
    command = [sys.executable, "-m", "tools.peers", str(package), *tests]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "tests:",
        "  with the SDK: 5 passed, 2 failed, 0 errors, 0 skipped",
        "  with oai:     4 passed, 2 failed, 1 errors, 0 skipped",
        "  pass only with the SDK: 2; only with oai: 1",
        "      1 AttributeError: module 'oai' has no attribute 'private_part'",
        "        tests/test_use.py::test_sdk_alone_passes",
        "      1 ImportError: cannot import name 'private_part' from 'oai' (oai/__init__.py)",
        "        tests/test_import.py::test_it",
        "tests of private parts:",
        "  with the SDK: 1 passed, 0 failed, 0 errors, 0 skipped",
        "  with oai:     0 passed, 1 failed, 0 errors, 0 skipped",
        "  pass only with the SDK: 1; only with oai: 0",
        "      1 AttributeError: module 'oai' has no attribute 'private_part'",
        "        tests/test_use.py::test_private_part",
    ]
    assert result.returncode == 0


def test_pattern_without_match_is_an_error(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(package), "--tests", "tests/test_use.py", "specs/*.py"]) == 1
    assert "matches specs/*.py" in capsys.readouterr().out


def test_worst_outcome_of_a_test_counts() -> None:
    lines = [f'{{"test": "a", "outcome": "{name}", "error": "", "message": ""}}' for name in ("passed", "error")]
    assert read_outcomes(lines)["a"].name == read_outcomes(reversed(lines))["a"].name == "error"


def test_causes_ignore_addresses_and_order_by_frequency() -> None:
    outcomes = {str(number): Outcome("failed", "TypeError", f"<x at 0x7f{number}>\nmore") for number in range(3)}
    assert grouped({"z": Outcome("failed", "KeyError"), **outcomes}) == [
        ("TypeError: <x at …>", ["0", "1", "2"]),
        ("KeyError", ["z"]),
    ]


def test_uncollected_test_is_lost_and_long_groups_are_cut() -> None:
    sdk = {f"tests/t.py::{name}": Outcome("passed") for name in "abc"}
    assert {outcome.message for outcome in lost(sdk, {}).values()} == {""}
    assert describe(sdk, {}, [], 1).splitlines()[-3:] == [
        "      3 not collected",
        "        tests/t.py::a",
        "        and 2 more",
    ]


@pytest.mark.parametrize(
    ("message", "is_private"),
    [
        ("cannot import name '_SSELineDecoder' from 'oai._official._streaming'", True),
        ("'OpenAI' object has no attribute '_build_request'", True),
        ("<module 'oai._official._base_client' (...)> does not have the attribute 'random'", True),
        ("No module named 'openai.lib.beta.agents._stream'; 'openai.lib.beta.agents' is not a package", True),
        ("openai's model_copy is not available in oai: it is a part of how the official SDK works inside, ...", True),
        ("'dict' object has no attribute 'name'", False),
        ("module 'oai' has no attribute '__version__'", False),
    ],
)
def test_tests_that_look_for_a_private_name_are_counted_apart(message: str, is_private: bool) -> None:
    sdk, own = {"t.py::a": Outcome("passed")}, {"t.py::a": Outcome("failed", "AttributeError", message)}
    lines = describe(sdk, own, [], 1).splitlines()
    inside = ", 1 of them for a private name" if is_private else ""
    assert lines[3] == f"  pass only with the SDK: 1{inside}; only with oai: 0"
    assert len(lines) == (4 if is_private else 6)


def test_listed_peers_have_the_keys_of_a_run() -> None:
    for name, peer in read_peers().items():
        assert set(peer) <= {"version", "repository", "tests", "private", "environment"}, name
        assert peer["tests"], name
        assert peer["version"], name
        assert peer["repository"].startswith("https://github.com/"), name
