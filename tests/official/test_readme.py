"""The snippets of the official SDK's README and of its other documents run here, with the import changed.

Their text is not in this repository: the README is in the metadata of the installed `openai`, and `helpers.md`,
`bedrock.md` and `vertex.md` in its source distribution, whose directory `OFFICIAL_SDIST` names. `official_snippets.toml` says what a snippet needs
that its text leaves out, and which do not run here and why; each by a digest, so that a changed document is noticed.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import hashlib
import importlib.metadata
import inspect
import json
import os
import re
import sys
import time
import tomllib
import types
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from hmac import digest
from pathlib import Path
from typing import Any

import pytest
import trustme
from agent_service import HELLO, WAIT, Agents, call, message, turn_events
from paths import TESTS
from peer import Peer, peer, say

import oai
from oai._official.version import VERSION
from oai.testing import Loopback, serve

KNOWN = tomllib.loads((TESTS / "official" / "snippets.toml").read_text())
FENCE = re.compile(r"^```(?:py|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SIGNATURE = re.compile(r"^def (\w+)\((.*?)\)", re.MULTILINE)


def readme() -> str | None:
    try:
        found = importlib.metadata.metadata("openai")
    except importlib.metadata.PackageNotFoundError:
        return None
    return str(found.get_payload() or found["Description"])


def page(name: str) -> str | None:
    found = Path(os.environ.get("OFFICIAL_SDIST", ""), f"{name}.md")
    return found.read_text() if "OFFICIAL_SDIST" in os.environ and found.exists() else None


PAGES = ("bedrock", "helpers", "vertex")
DOCUMENTS = {"readme": readme(), **{name: page(name) for name in PAGES}}
MISSING = {
    "readme": "the official SDK is not installed (extra `official`)",
    **dict.fromkeys(PAGES, "OFFICIAL_SDIST names no directory of the official SDK's sources (.ci/run fetches it)"),
}


def snippets(document: str) -> list[str]:
    return FENCE.findall(DOCUMENTS[document] or "")


def digest_of(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def cases(*kinds: str) -> list[Any]:
    """Return document, index and code of the snippets that are to be looked at in one of these ways."""
    found = []
    for document in DOCUMENTS:
        for index, code in enumerate(snippets(document)):
            known = KNOWN[document].get(f"s{index}", {})
            kind = next((kind for kind in ("excused", "signatures") if kind in known), "run")
            if kind in kinds:
                found.append(pytest.param(document, index, code, id=f"{document}-{index}"))
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documents_are_those_that_the_list_is_about(document: str) -> None:
    if DOCUMENTS[document] is None:
        pytest.skip(MISSING[document])
    found = snippets(document)
    entries = {name: entry for name, entry in KNOWN[document].items() if name != "count"}
    assert len(found) == KNOWN[document]["count"]
    assert {name: entry["digest"] for name, entry in entries.items()} == {
        name: digest_of(found[int(name[1:])]) for name in entries
    }
    assert all(len(entry["excused"]) > 20 for entry in entries.values() if "excused" in entry)


def test_the_installed_sdk_is_the_pinned_version() -> None:
    if DOCUMENTS["readme"] is None:
        pytest.skip(MISSING["readme"])
    assert importlib.metadata.version("openai") == VERSION, "pip install '.[official]'"


@pytest.fixture(scope="module")
def offline_server() -> Iterator[str]:
    with serve(oai.OfflineTransport()) as url:
        yield url


@pytest.fixture(scope="module")
def realtime_servers() -> Iterator[dict[str, str]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(peer(behave)).url for name, behave in BEHAVIOURS.items()}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make a client certificate; return the variables that snippets look for it in."""
    place = tmp_path_factory.mktemp("mtls")
    authority = trustme.CA()
    leaf = authority.issue_cert("client.example.invalid")
    authority.cert_pem.write_to_path(str(place / "ca.pem"))
    leaf.private_key_pem.write_to_path(str(place / "key.pem"))
    for each in leaf.cert_chain_pems:
        each.write_to_path(str(place / "chain.pem"), append=True)
    return {
        "OPENAI_MTLS_CA_BUNDLE": str(place / "ca.pem"),
        "OPENAI_MTLS_CERTIFICATE_CHAIN": str(place / "chain.pem"),
        "OPENAI_MTLS_PRIVATE_KEY": str(place / "key.pem"),
    }


SECRET = "whsec_" + b64encode(b"a secret of the tests").decode()


class Flask:
    """As much of Flask as a snippet uses: `run` brings each route a webhook that is signed, and one that is not."""

    def __init__(self, name: str) -> None:
        self.routes: list[Callable[[], Any]] = []

    def route(self, path: str, methods: list[str]) -> Callable[[Any], Any]:
        return lambda function: self.routes.append(function) or function

    def run(self, port: int) -> None:
        body = '{"id":"evt_1","object":"event","created_at":1,"type":"response.completed","data":{"id":"resp_1"}}'
        now = str(int(time.time()))
        signature = b64encode(digest(b"a secret of the tests", f"evt_1.{now}.{body}".encode(), "sha256")).decode()
        for said in (signature, "AAAA"):
            headers = {"webhook-id": "evt_1", "webhook-timestamp": now, "webhook-signature": f"v1,{said}"}
            FLASK.request = types.SimpleNamespace(get_data=lambda as_text: body, headers=headers)
            for function in self.routes:
                function.__globals__["request"] = FLASK.request
                print("answered:", function())


FLASK: Any = types.ModuleType("flask")
FLASK.Flask, FLASK.request = Flask, None


def answering(_: Peer, socket: Any) -> None:
    """Answer every `response.create` as the Realtime API does."""
    for frame in socket:
        if json.loads(frame)["type"] == "response.create":
            say(socket, type="response.output_text.delta", event_id="event_1", delta="Hello!")
            say(socket, type="response.output_text.done", event_id="event_2", text="Hello!")
            say(socket, type="response.done", event_id="event_3", response={"id": "resp_1", "status": "completed"})


def complaining(_: Peer, socket: Any) -> None:
    """Send an error, then close."""
    error = {"type": "invalid_request_error", "code": "some_code", "event_id": "event_1", "message": "not like this"}
    say(socket, type="error", event_id="event_2", error=error)


BEHAVIOURS = {"answers": answering, "errors": complaining}


TURNS = {
    "answers": HELLO,
    "calls": turn_events(call("lookup_item", {"item_id": "A123"}), WAIT, message("Item A123.")),
    "reports": turn_events(message('{"summary": "well", "findings": []}')),
}


def with_our_import(code: str) -> str:
    code = re.sub(r"^import openai$", "import oai as openai", code, flags=re.MULTILINE)
    return re.sub(r"^(\s*from) openai\b", r"\1 oai", code, flags=re.MULTILINE)


def run(code: str, names: dict[str, Any]) -> None:
    """Run a snippet, which may await at its top."""
    compiled = compile(code, "<snippet>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if not compiled.co_flags & inspect.CO_COROUTINE:
        exec(compiled, names)
        return

    async def main() -> None:
        try:
            await eval(compiled, names)
        finally:
            for each in names.values():
                if isinstance(each, oai.AsyncOpenAI):
                    await each.close()

    asyncio.run(main())


def whom_to_ask(known: dict[str, Any], offline_server: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the variables that say what a snippet talks to."""
    if known.get("unserved"):
        return {"OAI_TRANSPORT": "offline"}
    if "realtime" in known:
        return {"OPENAI_BASE_URL": request.getfixturevalue("realtime_servers")[known["realtime"]]}
    if "agents" in known:
        server: Loopback = request.getfixturevalue("server")
        Agents(server, TURNS[known["agents"]])
        return {"OPENAI_BASE_URL": f"{server.url}/v1"}
    return {"OPENAI_BASE_URL": offline_server}


@pytest.mark.parametrize(("document", "index", "code"), cases("run"))
def test_a_snippet_runs(
    document: str,
    index: int,
    code: str,
    request: pytest.FixtureRequest,
    offline_server: str,
    certificate: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = KNOWN[document].get(f"s{index}", {})
    environment = {"OPENAI_API_KEY": "the-key-of-the-tests", "OPENAI_WEBHOOK_SECRET": SECRET, **certificate}
    environment |= whom_to_ask(known, offline_server, request)
    for name, value in {**environment, **known.get("environment", {})}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "flask", FLASK)
    monkeypatch.chdir(tmp_path)
    for name in known.get("files", []):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("{}\n")
    code = with_our_import(code)
    for old, new in known.get("replace", {}).items():
        assert old in code
        code = code.replace(old, new)
    names: dict[str, Any] = {"__name__": "__main__", "openai": oai}
    with warnings.catch_warnings():
        if known.get("deprecated"):
            warnings.simplefilter("ignore", DeprecationWarning)
        with contextlib.ExitStack() as stack:
            if "before" in known:
                run(known["before"], names)
            if "warns" in known:
                stack.enter_context(pytest.warns(getattr(oai, known["warns"])))
            run(code, names)
        for each in names.values():
            if isinstance(each, oai.OpenAI):
                each.close()
        run(known.get("after", ""), names)
        names.clear()
        gc.collect()  # what nobody closed warns here
    printed = capsys.readouterr().out
    if "print(" in code and not known.get("silent"):
        assert re.search(known.get("prints", r"\S"), printed), printed


@pytest.mark.parametrize(("document", "index", "code"), cases("signatures"))
def test_what_a_snippet_lists_is_there_with_these_parameters(document: str, index: int, code: str) -> None:
    owner: Any = oai
    for name in KNOWN[document][f"s{index}"]["signatures"].split("."):
        owner = getattr(owner, name)
    listed = SIGNATURE.findall(code)
    assert listed
    for name, parameters in listed:
        found = inspect.getattr_static(owner, name)
        if not isinstance(found, property):
            wanted = [each.partition(":")[0].strip() for each in parameters.split(",") if each.strip()]
            assert list(inspect.signature(found).parameters) == (wanted if "self" in wanted else ["self", *wanted])
