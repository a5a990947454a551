"""What the README says is so."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from paths import ROOT

import oai
import oai._client.sync_client
from oai._table.load import shipped_table
from oai._table.rows import HELPER_KEYS, ROW_KEYS
from oai._table.websocket_row import SOCKET_KEYS
from oai.testing import Loopback

README = (ROOT / "README.md").read_text()
ELIXIR = (ROOT / "docs" / "from-elixir.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_first_python_block_runs_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("notes")
    code = blocks("python")[0].replace("oai.OpenAI()  #", "oai.OpenAI(transport=oai.OfflineTransport())  #")
    exec(compile(code, "README.md", "exec"), {})
    assert "Why is the sky blue?" in capsys.readouterr().out
    assert Path("hello.mp3").stat().st_size > 0


@pytest.mark.parametrize("block", range(1, len(blocks("python"))))
def test_every_other_python_block_runs_offline(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = blocks("python")[block]
    Path("my.toml").write_text(blocks("toml")[0].replace("my_package.types.Rerank", "Any"))
    with oai.default_transport(oai.OfflineTransport()):
        exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize(
    ("first", "end", "keys"),
    [
        ("A row may instead name", "And it may declare a WebSocket", HELPER_KEYS),
        ("And it may declare a WebSocket", "If the server publishes an OpenAPI 3 document", SOCKET_KEYS),
    ],
)
def test_every_key_of_other_rows_is_explained(first: str, end: str, keys: tuple[str, ...]) -> None:
    table = README[README.index(first) : README.index(end)]
    explained = {
        name
        for line in table.splitlines()
        for name in re.findall(r"`(\w+)`", line.split("|")[1:2][0] if "|" in line else "")
    }
    assert explained == set(keys)


def test_every_recipe_is_in_the_contents() -> None:
    assert re.findall(r"^\| \[\w+\]\(examples/(\w+\.py)\) \|", README, re.MULTILINE) == sorted(
        path.name for path in (ROOT / "examples").glob("*.py")
    )


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_option_of_a_client_is_named() -> None:
    options = README[README.index("`OpenAI(api_key=") : README.index("with the official SDK's\nenvironment")]
    named = set(re.findall(r"(\w+)=", options))
    assert named == set(inspect.signature(oai._client.sync_client.OpenAI.__init__).parameters) - {"self", "dialect"}


def test_the_row_in_the_readme_is_callable(tmp_path: Path, server: Loopback) -> None:
    path = tmp_path / "my.toml"
    path.write_text(blocks("toml")[0].replace("my_package.types.Rerank", "list[int]"))
    server.reply(json=[1, 0])
    with oai.OpenAI(api_key="k", base_url=server.url, table=path) as client:
        assert client.rerank(query="cats", documents=["a", "b"]) == [1, 0]


def test_every_key_of_a_row_is_explained() -> None:
    table = README[README.index("| key | says | |") : README.index("A row may instead name")]
    explained = {
        name
        for line in table.splitlines()[2:]
        if line.startswith("|")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert explained == set(ROW_KEYS)


def test_every_alias_is_in_the_readme_and_leads_where_it_says() -> None:
    rows = shipped_table()
    shown = dict(re.findall(r"^\| (`.*`) \| `client\.([\w.]+)\(\.\.\.\)` \|$", ELIXIR, re.MULTILINE))
    named = {}
    for seeds, operation in shown.items():
        for name in re.findall(r"`(\w+)\(", seeds):
            named.setdefault(name, set()).add(operation)
    assert named == {alias: {name for name, _ in forms} for alias, forms in rows.aliases.items()}


def test_the_number_of_operations_is_right() -> None:
    counts = {int(number) for number in re.findall(r"(\d+) of them", README)}
    assert counts == {len(shipped_table())}


def test_the_first_two_shell_blocks_are_one_command_line_each() -> None:
    first, second = blocks("sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert "--offline" in first
    assert "pytest" in second
