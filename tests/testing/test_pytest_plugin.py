"""The pytest plugin, in pytest sessions of its own, over real sockets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT
from planted import planted

from oai.testing import Answer, Loopback
from oai.testing._pytest.cassettes import file_name

INSTALLED = any(each.name == "oai" for each in entry_points(group="pytest11"))

KEY = planted("a", "key", "for", "recording", "only")

ENDED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|warnings?|deselected)")


SLOW = {"asyncio", "anyio", "cacheprovider", "hypothesispytest", "xdist"}
"""Plugins left out to make sessions faster, except where a test needs them."""

ASYNCIO = ["-oasyncio_default_fixture_loop_scope=function"]


class Project:
    """A directory of tests, and sessions of pytest in it, each a process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.server: Loopback | None = None
        path.joinpath("pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n")

    def write(self, **files: str) -> None:
        for name, text in files.items():
            place = self.path / f"{name}.py"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def run(self, *words: str, record: bool = False, env: dict[str, str] | None = None, **counts: int) -> str:
        """Run pytest, check the number of tests by outcome, and return the output."""
        unset = ("PYTEST_", "PYTHONDONTWRITEBYTECODE")  # keep compiled files, so that further sessions start faster
        environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
        environment |= {"PYTHONPATH": str(ROOT), **(env or {})}
        if self.server is not None:
            environment["OPENAI_BASE_URL"] = f"{self.server.url}/v1"
        if record:
            environment["OPENAI_API_KEY"], words = KEY, ("--oai-record=record", *words)
        left_out = {"cacheprovider", "hypothesispytest"} if ASYNCIO[0] in words else SLOW
        left_out = left_out - {"xdist"} if "-n" in words else left_out
        plugins = [*(f"no:{name}" for name in left_out), *([] if INSTALLED else ["oai.testing.pytest_plugin"])]
        command = [sys.executable, "-m", "pytest", *(f"-p{each}" for each in plugins), *words]
        process = subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        output = process.stdout + process.stderr
        outcomes = {word.removesuffix("s"): int(number) for number, word in ENDED.findall(output.splitlines()[-1])}
        assert outcomes == counts, output
        return output

    @property
    def cassettes(self) -> list[str]:
        return sorted(str(each.relative_to(self.path)) for each in self.path.rglob("*.cassette"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def served(project: Project) -> Any:
    """A project with a server to record, which numbers its responses."""
    with Loopback() as server:
        numbers = iter(range(1000))
        server.default = lambda seen: Answer.of_json({"id": f"model-{next(numbers)}", "object": "model"})
        project.server = server
        yield project


DEEP = """
import oai

def name_of_model():
    return oai.OpenAI(max_retries=0).models.retrieve("m").id
"""

MARKED = """
import pytest
from deep import name_of_model

@pytest.mark.oai_cassette
def test_deep():
    assert name_of_model() == "model-0"
"""


def test_client_created_in_code_under_test_is_recorded_and_replayed(served: Project) -> None:
    served.write(deep=DEEP, test_it=MARKED)
    served.run(record=True, passed=1)
    assert served.cassettes == ["cassettes/test_it/test_deep.cassette"]
    assert KEY not in (served.path / served.cassettes[0]).read_text()
    recorded = len(served.server.requests)
    served.run("--block-network=all", passed=1)
    assert len(served.server.requests) == recorded == 1


def test_missing_cassette_error_shows_how_to_record(project: Project) -> None:
    project.write(deep=DEEP, test_it=MARKED)
    output = project.run(failed=1)
    assert "there is no cassette" in output
    assert "pytest 'test_it.py::test_deep' --oai-record=append" in output
    assert project.cassettes == []


ENVIRONMENT = """
import asyncio
import pytest
import oai

@pytest.mark.oai_cassette
@pytest.mark.parametrize("number", [1, 2])
def test_deep(number):
    assert oai.OpenAI().models.retrieve(f"m{number}").object == "model"

@pytest.mark.oai_cassette
def test_async():
    async def run():
        return await oai.AsyncOpenAI().models.retrieve("m")
    assert asyncio.run(run()).object == "model"
"""


@pytest.mark.parametrize("transport", ["offline", "oai:OfflineTransport"])
def test_environment_names_the_transport_that_is_recorded(transport: str, served: Project) -> None:
    assert served.server is not None
    served.write(test_it=ENVIRONMENT)
    environment = {"OAI_TRANSPORT": transport, "OPENAI_API_KEY": ""}
    assert f"oai: cassettes in mode append over {transport}\n" in served.run(
        passed=3, env={**environment, "OAI_RECORD": "append"}
    )
    assert "cassettes in mode" not in served.run("--block-network=all", passed=3)
    assert len(served.cassettes) == 3
    assert served.server.requests == []


def test_cassette_of_a_test_precedes_that_of_the_environment(served: Project) -> None:
    served.write(test_it=ENVIRONMENT)
    served.run(passed=3, record=True, env={"OAI_TRANSPORT": "record:all.cassette"})
    assert len(served.cassettes) == 3
    assert "all.cassette" not in served.cassettes
    served.run("--block-network=all", passed=3, env={"OAI_TRANSPORT": "replay:missing.cassette"})


def test_recording_connects_while_the_network_is_blocked(served: Project) -> None:
    served.write(test_it=ENVIRONMENT + "\ndef test_other(): oai.OpenAI(max_retries=0).models.list()\n")
    output = served.run("--block-network=all", passed=3, failed=1, record=True)
    assert "test_other" in output
    assert "tried to connect to 127.0.0.1" in output
    assert len(served.cassettes) == 3


CLIENTS = """
import asyncio
import threading
import pytest
import oai

@pytest.fixture
def oai_client_options():
    return {"max_retries": 0}

def test_sync(oai_client):
    assert oai_client.models.retrieve("m").object == "model"

@pytest.mark.asyncio
async def test_async(async_oai_client):
    answers = await asyncio.gather(*(async_oai_client.models.retrieve(f"m{n}") for n in range(3)))
    assert len({each.id for each in answers}) == 3

@pytest.mark.asyncio
@pytest.mark.oai_cassette
async def test_deep_async():
    assert (await oai.AsyncOpenAI().models.retrieve("m")).object == "model"

@pytest.mark.oai_cassette
def test_own_loop():
    async def run():
        return await oai.AsyncOpenAI().models.retrieve("m")
    assert asyncio.run(run()).object == "model"

@pytest.mark.oai_cassette
def test_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(oai.OpenAI().models.retrieve("m")))
    thread.start()
    thread.join()
    assert seen[0].object == "model"

def test_both(oai_client, async_oai_client):
    one = oai_client.models.retrieve("m")
    other = asyncio.run(async_oai_client.models.retrieve("m"))
    assert one.id != other.id

def test_recorder(oai_recorder):
    assert oai_recorder.path.endswith("test_recorder.cassette")

class TestInClass:
    @pytest.mark.parametrize("model", ["a/b", "a-b", "a", "A"])
    def test_params(self, oai_client, model):
        assert oai_client.models.retrieve("m").object == "model"
"""


def test_client_fixtures_work_with_and_without_xdist(served: Project) -> None:
    served.write(test_clients=CLIENTS)
    served.run(*ASYNCIO, record=True, passed=11)
    assert len(served.cassettes) == 10
    assert "cassettes/test_clients/TestInClass.test_params[a-b].cassette" in served.cassettes
    served.run(*ASYNCIO, "--block-network=all", passed=11)
    served.run(*ASYNCIO, "--block-network=all", "-n", "2", passed=11)
    before = {each: json.loads((served.path / each).read_text()) for each in served.cassettes}
    for each in served.cassettes:
        (served.path / each).unlink()
    served.run(*ASYNCIO, "-n", "2", record=True, passed=11)
    assert set(before) == set(served.cassettes)
    served.run(*ASYNCIO, "-n", "2", passed=11)


def test_cassette_of_a_test_that_does_not_pass_is_unchanged(served: Project) -> None:
    served.write(
        test_it="""
import os, pytest

def test_it(oai_client):
    oai_client.models.retrieve("m")
    end = os.environ["END"]
    assert end != "fail"
    if end == "skip":
        pytest.skip("not now")
    if end == "xfail":
        pytest.xfail("not yet")
"""
    )
    served.run(record=True, env={"END": "fail"}, failed=1)
    assert served.cassettes == []
    served.run(record=True, env={"END": "well"}, passed=1)
    before = (served.path / served.cassettes[0]).read_bytes()
    for end, counts in {"fail": {"failed": 1}, "skip": {"skipped": 1}, "xfail": {"xfailed": 1}}.items():
        served.run(record=True, env={"END": end}, **counts)
        assert (served.path / served.cassettes[0]).read_bytes() == before
    assert [each.suffix for each in (served.path / "cassettes" / "test_it").iterdir()] == [".cassette"]
    assert len(served.server.requests) == 5


OPTIONS = """
import os
import pytest
import oai

pytestmark = pytest.mark.oai_cassette(ignore=["body.user"])

def ask(client, **more):
    with client.chat.completions.create(model="m", messages=[], stream=True, **more) as stream:
        return list(stream)

@pytest.mark.oai_cassette("one/shared")
def test_first(oai_client):
    ask(oai_client, user="somebody")

@pytest.mark.oai_cassette(name="one/shared.cassette", chunks="bytes", compare_headers=["x-mine"])
def test_second(oai_client, oai_recorder):
    ask(oai_client, user=f"another {os.getpid()}")
    ask(oai_client, n=2)

@pytest.mark.oai_cassette(mode="live")
def test_live(oai_client, oai_recorder):
    assert oai_recorder.mode == os.environ["MODE"]
    ask(oai_client)
"""


def test_marker_takes_recorder_options_and_shared_cassettes(served: Project) -> None:
    served.write(test_it=OPTIONS)
    served.server.default = Answer.events([{"id": "1", "object": "chat.completion.chunk", "choices": []}])
    for _ in range(2):
        served.run(record=True, env={"MODE": "record"}, passed=3)
        assert served.cassettes == ["cassettes/one/shared.cassette", "cassettes/test_it/test_live.cassette"]
        text = (served.path / served.cassettes[0]).read_text()
        assert text.count('"request"') == 2
        assert "somebody" not in text
    served.run(env={"MODE": "replay", "OAI_RECORD": "replay"}, passed=3)
    served.run(env={"MODE": "live", "OPENAI_API_KEY": KEY}, passed=3)
    served.run("-n", "2", record=True, env={"MODE": "record"}, passed=3)
    served.run("--oai-record=replay", env={"MODE": "replay", "OAI_RECORD": "live"}, passed=3)


def test_unused_answers_fail_the_test_if_not_allowed(served: Project) -> None:
    served.write(
        test_it="""
import os, pytest

@pytest.mark.oai_cassette(allow_unused=False)
def test_it(oai_client):
    for n in range(int(os.environ["TIMES"])):
        oai_client.models.retrieve("m")
"""
    )
    served.run(record=True, env={"TIMES": "2"}, passed=1)
    assert "1 recorded responses of" in served.run(env={"TIMES": "1"}, passed=1, error=1)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("alow_unused=True", "has no option 'alow_unused'.*Did you mean 'allow_unused'"),
        ("'a', 'b'", "takes one positional argument, the name"),
        ("mode='recrod'", "Did you mean 'record'"),
    ],
)
def test_invalid_marker_is_rejected(project: Project, mark: str, message: str) -> None:
    project.write(test_it=f"import pytest\n@pytest.mark.oai_cassette({mark})\ndef test_it(): pass\n")
    assert re.search(message, project.run(error=1))


def test_ini_option_sets_the_mode_and_is_validated(project: Project) -> None:
    project.write(test_it="def test_it(oai_recorder):\n    assert oai_recorder.mode == 'live'\n")
    project.run("-o", "oai_record=live", passed=1)
    with pytest.raises(AssertionError, match="oai_record must be one of .*, not 'recrod'"):
        project.run("-o", "oai_record=recrod", passed=1)


def test_global_client_uses_the_running_test_s_recorder(served: Project) -> None:
    served.write(
        code="""
from functools import cache
import oai

@cache
def client():
    return oai.OpenAI()
""",
        test_it=r"""
import pytest
from code_ import client

@pytest.mark.oai_cassette
@pytest.mark.parametrize("n", [1, 2])
def test_it(n):
    assert client().models.retrieve(f"m{n}").object == "model"

def test_without():
    with pytest.raises(AssertionError, match=r"created in test_it.py::test_it\[2\] is used while no test"):
        client().models.retrieve("m")
""",
    )
    (served.path / "code.py").rename(served.path / "code_.py")
    served.run(record=True, passed=3)
    assert len(served.cassettes) == 2
    served.run("-p", "no:randomly", passed=3)


def test_fixtures_and_unittest_classes_use_the_cassette(served: Project) -> None:
    served.write(
        test_it="""
import unittest
import pytest
import oai

@pytest.fixture
def name():
    return oai.OpenAI().models.retrieve("m").id

@pytest.mark.oai_cassette
def test_fixture(name):
    assert name.startswith("model-")

@pytest.mark.oai_cassette
class TestCase(unittest.TestCase):
    def setUp(self):
        self.client = oai.OpenAI()

    def test_it(self):
        assert self.client.models.retrieve("m").object == "model"
"""
    )
    served.run(record=True, passed=2)
    served.run(passed=2)


NETWORK = """
import asyncio, socket, threading, urllib.request
import pytest

OUTSIDE = ("192.0.2.1", 9)

def test_connect():
    socket.create_connection(OUTSIDE, timeout=1)

def test_swallowed():
    try:
        socket.create_connection(OUTSIDE, timeout=1)
    except BaseException:
        pass

def test_other_error():
    try:
        socket.create_connection(OUTSIDE, timeout=1)
    except BaseException:
        raise KeyError("other") from None

def test_thread():
    def run():
        with socket.socket() as sock:
            try:
                sock.connect(OUTSIDE)
            except AssertionError:
                pass
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

def test_name():
    urllib.request.urlopen("http://example.invalid/")

def test_asyncio():
    asyncio.run(asyncio.open_connection(*OUTSIDE))

def test_datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", OUTSIDE)

def test_client():
    import oai
    oai.OpenAI(api_key="k", base_url="https://192.0.2.1/v1").models.list()

def test_nothing():
    left, right = socket.socketpair()
    left.sendall(b"x")
    assert right.recv(1) == b"x"
    left.close()
    right.close()

def test_here():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        asyncio.run(connect("localhost", server.getsockname()[1]))

async def connect(host, port):
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    await writer.wait_closed()
"""


def test_block_network_allows_loopback(project: Project) -> None:
    project.write(test_it=NETWORK)
    output = project.run("--block-network", "test_it.py", failed=8, passed=2)
    assert output.count("tried to connect to 192.0.2.1:9, which --block-network forbids") >= 6
    assert "tried to connect to example.invalid:80" in output
    assert "tried to connect to 192.0.2.1:443" in output
    assert "KeyError: 'other'" in output


def test_block_network_all_and_none(project: Project) -> None:
    project.write(test_it=NETWORK)
    chosen = ["-k", "here or nothing"]
    output = project.run("--block-network=all", *chosen, passed=1, failed=1, deselected=8)
    assert "tried to connect to 127.0.0.1" in output
    project.run("--block-network=all", "--block-network=none", *chosen, passed=2, deselected=8)
    project.run("--oai-block-network=all", "-n", "2", *chosen, passed=1, failed=1)


def test_option_name_taken_by_another_plugin(project: Project) -> None:
    project.write(
        other="def pytest_addoption(parser):\n    parser.addoption('--block-network', action='store_true')\n",
        test_it=NETWORK,
    )
    project.run("-p", "other", "--block-network", "--oai-block-network", "-k", "connect", failed=1, deselected=9)


def test_plugin_is_declared_and_light_to_import() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"oai": "oai.testing.pytest_plugin"}
    code = (
        "import sys, pytest; before = set(sys.modules); import oai.testing.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(process.stdout.split()) <= {
        "oai",
        "oai._support",
        "oai._support.lazy",
        "oai._version",
        "oai.testing",
        "oai.testing.pytest_plugin",
    }


NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(st.from_regex(r"\Atest_[a-z0-9_]{0,8}\Z"), NAMES), min_size=2, max_size=2, unique=True))
def test_file_names_are_unique(names: list[tuple[str, str]]) -> None:
    one, other = (file_name(f"{test}[{params}]") for test, params in names)
    assert one.lower() != other.lower()
    assert not set('/\\:*?"<>|\0\n') & set(one + other)
    assert max(len(one), len(other)) < 200


def test_file_names_are_readable() -> None:
    assert file_name("TestChat.test_it[gpt-5-0.5]") == "TestChat.test_it[gpt-5-0.5]"
    assert re.fullmatch(r"test_it\[a-b-\]~[0-9a-f]{16}", file_name("test_it[a/b?]"))
    assert re.fullmatch(r"test_it\[A\]~[0-9a-f]{16}", file_name("test_it[A]"))
