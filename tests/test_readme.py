"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT

import oai
from oai._table.load import shipped_table
from oai._table.providers import ProviderRow
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
        ("## Operations", "## Helpers", ROW_KEYS),
        ("## Helpers", "## WebSockets", HELPER_KEYS),
        ("## WebSockets", "## Providers", SOCKET_KEYS),
        ("## Providers", None, ProviderRow.__struct_fields__),
    ],
)
def test_every_key_of_a_row_is_documented(first: str, end: str | None, keys: tuple[str, ...]) -> None:
    text = (ROOT / "docs" / "table.md").read_text()
    section = text[text.index(first) : text.index(end) if end else None]
    documented = {
        name
        for line in section.splitlines()
        if line.startswith("|")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert documented == set(keys)


def test_links_on_a_package_index_lead_to_the_repository() -> None:
    from hatch_build import ReadReadme

    metadata: dict[str, Any] = {"urls": {"Repository": "https://example.com/oai"}}
    ReadReadme(str(ROOT), {}).update(metadata)
    text = metadata["readme"]["text"]
    relative = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert relative
    assert [path for path in relative if f"](https://example.com/oai/blob/HEAD/{path})" not in text] == []
    assert re.findall(r"\]\((?!https?:|#)", text) == []


def test_links_stay_relative_while_the_repository_has_no_address() -> None:
    from hatch_build import ReadReadme

    metadata: dict[str, Any] = {}
    ReadReadme(str(ROOT), {}).update(metadata)
    assert metadata["readme"] == {"content-type": "text/markdown", "text": README}


@pytest.mark.parametrize("page", sorted(path.name for path in ROOT.glob("*.md")))
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", (ROOT / page).read_text()):
        assert (ROOT / target).exists(), target


def test_one_command_sets_up_all_that_the_checks_need() -> None:
    command = re.search(r"pip install -e '\.\[([\w,]+)\]'", (ROOT / "CONTRIBUTING.md").read_text())
    script = re.findall(r"install --quiet '\.\[([\w,]+)\]'", (ROOT / ".ci" / "run").read_text())
    assert command is not None
    assert set(command[1].split(",")) == {"test", *(extra for extras in script for extra in extras.split(","))}


def test_every_linter_has_the_same_version() -> None:
    pinned = re.search(r"ruff==([\d.]+)", (ROOT / "pyproject.toml").read_text())
    hook = re.search(r"rev: v([\d.]+)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert pinned is not None
    assert hook is not None
    assert hook[1] == pinned[1]


def test_the_row_in_the_readme_is_callable(tmp_path: Path, server: Loopback) -> None:
    path = tmp_path / "my.toml"
    path.write_text(blocks("toml")[0].replace("my_package.types.Rerank", "list[int]"))
    server.reply(json=[1, 0])
    with oai.OpenAI(api_key="k", base_url=server.url, table=path) as client:
        assert client.rerank(query="cats", documents=["a", "b"]) == [1, 0]


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
