"""The snippets of the official SDK's documents, and its examples, run here with the import changed.

`snippets.toml` has what a snippet needs that its text leaves out, and which do not run here and why; each by a digest, so
that a changed document is noticed.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import importlib.metadata
import inspect
import os
import re
import runpy
import sys
import types
import warnings
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_service import Agents
from sound_card import sound_card

import oai
from oai._client.module_client import SETTINGS
from oai._official.version import VERSION
from oai.testing import Loopback
from tests.official.documents import (
    DOCUMENTS,
    FENCE,
    KNOWN,
    MISSING,
    PAGES,
    SDIST,
    digest_of,
    examples,
    snippets,
    with_our_import,
)
from tests.official.world import SECRET, STREAMS, TURNS, Servers, client_certificate, packages

SIGNATURE = re.compile(r"^def (\w+)\((.*?)\)", re.MULTILINE)

EXAMPLES: dict[str, dict[str, Any]] = KNOWN["examples"]


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
def test_list_is_about_the_pinned_documents(document: str) -> None:
    if DOCUMENTS[document] is None:
        pytest.skip(MISSING[document])
    found = snippets(document)
    entries = {name: entry for name, entry in KNOWN[document].items() if name != "count"}
    assert len(found) == KNOWN[document]["count"]
    assert {name: entry["digest"] for name, entry in entries.items()} == {
        name: digest_of(found[int(name[1:])]) for name in entries
    }
    assert all(len(entry["excused"]) > 20 for entry in entries.values() if "excused" in entry)


def test_list_is_about_the_pinned_examples() -> None:
    if SDIST is None:
        pytest.skip(MISSING["helpers"])
    found = examples()
    assert {name: entry["digest"] for name, entry in EXAMPLES.items() if "digest" in entry} == {
        name: digest_of(found[name]) for name, entry in EXAMPLES.items() if "digest" in entry
    }
    assert all(any(name.startswith(entry) for name in found) for entry in EXAMPLES)
    assert all(len(entry["excused"]) > 20 for entry in EXAMPLES.values() if "excused" in entry)


def test_every_document_with_code_is_on_the_list() -> None:
    """Lists of names to import (`api.md`) are read by `test_documents`; `tests/` is about the SDK's own tests."""
    if SDIST is None:
        pytest.skip(MISSING["helpers"])
    found = {path.relative_to(SDIST).as_posix() for path in SDIST.rglob("*.md") if FENCE.search(path.read_text())}
    assert {name for name in found if not name.endswith("api.md") and not name.startswith("tests/")} == {
        "README.md",
        *PAGES.values(),
    }


def test_the_installed_sdk_is_the_pinned_version() -> None:
    if DOCUMENTS["readme"] is None:
        pytest.skip(MISSING["readme"])
    assert importlib.metadata.version("openai") == VERSION, "pip install '.[official]'"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return client_certificate(tmp_path_factory.mktemp("mtls"))


def filled(text: str, environment: dict[str, str]) -> str:
    """Return a text with the values of variables, whose names are in braces."""
    for name, value in environment.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def write_sound(path: Path) -> None:
    """Write a tenth of a second of silence, as the Live API takes it."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(24000)
        sound.writeframes(bytes(4800))


def compiled(code: str) -> types.CodeType:
    """Compile a snippet, which may await at its top."""
    return compile(code, "<snippet>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def awaits(code: str) -> bool:
    return bool(compiled(code).co_flags & inspect.CO_COROUTINE)


def run(code: str, names: dict[str, Any]) -> None:
    if not awaits(code):
        exec(compiled(code), names)
        return

    async def main() -> None:
        try:
            await eval(compiled(code), names)
        finally:
            for each in names.values():
                if isinstance(each, oai.AsyncOpenAI):
                    await each.close()

    asyncio.run(main())


def peer_of(known: dict[str, Any], servers: Servers, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the variables that say what a snippet talks to."""
    if known.get("unserved"):
        return {"OAI_TRANSPORT": "offline"}
    if "realtime" in known:
        return {"OPENAI_BASE_URL": servers.url(known["realtime"])}
    if "agents" in known:
        server: Loopback = request.getfixturevalue("server")
        Agents(server, TURNS[known["agents"]])
        return {"OPENAI_BASE_URL": f"{server.url}/v1"}
    if "streams" in known:
        server = request.getfixturevalue("server")
        server.default = STREAMS[known["streams"]]
        return {"OPENAI_BASE_URL": f"{server.url}/v1"}
    return {"OPENAI_BASE_URL": servers.url("offline")}


@pytest.fixture
def prepare(
    request: pytest.FixtureRequest,
    servers: Servers,
    certificate: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Return a function that sets up what a snippet needs, and returns its code as it is to run."""

    def prepare(code: str, known: dict[str, Any]) -> str:
        environment = {"OPENAI_API_KEY": "the-key-of-the-tests", "OPENAI_WEBHOOK_SECRET": SECRET, **certificate}
        environment |= peer_of(known, servers, request)
        environment |= {name: filled(value, environment) for name, value in known.get("environment", {}).items()}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for name, module in packages(sound_card()).items():
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.chdir(tmp_path)
        for name in known.get("files", []):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text("{}\n")
        for name in known.get("sounds", []):
            write_sound(Path(name))
        code = with_our_import(code)
        for old, new in known.get("replace", {}).items():
            assert old in code
            code = code.replace(old, filled(new, environment))
        return code

    return prepare


@contextlib.contextmanager
def expected_warnings(known: dict[str, Any]) -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        if known.get("deprecated"):
            warnings.simplefilter("ignore", DeprecationWarning)
        if known.get("unclosed"):
            warnings.simplefilter("ignore", ResourceWarning)
        if "warns" in known:
            stack.enter_context(pytest.warns(getattr(oai, known["warns"])))
        yield


def check_output(code: str, known: dict[str, Any], printed: str) -> None:
    if "print(" in code and not known.get("silent"):
        assert re.search(known.get("prints", r"\S"), printed), printed


@pytest.mark.parametrize(("document", "index", "code"), cases("run"))
def test_a_snippet_runs(document: str, index: int, code: str, prepare: Any, capsys: pytest.CaptureFixture[str]) -> None:
    known = KNOWN[document].get(f"s{index}", {})
    code = prepare(code, known)
    before, after = known.get("before", ""), known.get("after", "")
    if awaits(code):  # then all of it needs the same loop
        before, code, after = "", f"{before}\n{code}\n{after}", ""
    names: dict[str, Any] = {"__name__": "__main__", "openai": oai}
    with expected_warnings(known):
        run(before, names)
        run(code, names)
        run(after, names)
        close_clients(names)
        names.clear()
        gc.collect()  # what nobody closed warns here
    check_output(code, known, capsys.readouterr().out)


def close_clients(names: dict[str, Any]) -> None:
    for each in names.values():
        if isinstance(each, oai.OpenAI):
            each.close()


@pytest.mark.parametrize(("document", "index", "code"), cases("signatures"))
def test_names_that_a_snippet_lists_exist_with_their_parameters(document: str, index: int, code: str) -> None:
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


def excused(name: str) -> bool:
    """Tell whether an example, or the directory that it is in, is excused."""
    return any("excused" in entry and name.startswith(start) for start, entry in EXAMPLES.items())


@pytest.mark.parametrize("name", [name for name in examples() if not excused(name)])
def test_an_example_runs(
    name: str,
    prepare: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = EXAMPLES.get(name, {})
    code = prepare(examples()[name], known)
    place = tmp_path / "program" / name
    write_neighbours(name, place.parent)
    place.write_text(code)
    monkeypatch.syspath_prepend(str(place.parent))
    monkeypatch.setattr(sys, "argv", [str(place), *known.get("arguments", [])])
    with expected_warnings(known), typed_input(known.get("input", "")):
        with own_modules():
            names = runpy.run_path(str(place), run_name="__main__")
            close_clients(names)
            names.clear()
            for setting in SETTINGS:
                vars(oai).pop(setting, None)
        gc.collect()  # what nobody closed warns here
    check_output(code, known, capsys.readouterr().out)


def write_neighbours(name: str, directory: Path) -> None:
    """Write the programs of the example's directory, if it has one of its own, which it may import or start."""
    directory.mkdir(parents=True)
    home = Path(name).parent
    for other, code in examples().items() if home.name else ():
        if Path(other).is_relative_to(home):
            place = directory / Path(other).relative_to(home)
            place.parent.mkdir(exist_ok=True)
            place.write_text(with_our_import(code))


@contextlib.contextmanager
def own_modules() -> Iterator[None]:
    """Forget the modules that a program has imported from its directory: others have modules of these names."""
    before = {*sys.modules}
    yield
    for name in {*sys.modules} - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(sys.path[0]):
            del sys.modules[name]


@contextlib.contextmanager
def typed_input(text: str) -> Iterator[None]:
    """Have a person type a text, then leave."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    with open(reading) as source, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", source)
        yield
