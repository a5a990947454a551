"""The pages of the site: every Python snippet runs offline, and the generated pages cover the table."""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT

import oai
from oai._table.load import shipped_table
from tools.site.reference import MODULES

DOCS = ROOT / "docs"
GENERATED = ("_build", "operations", "recipes", "reference", "types")
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] not in GENERATED)
ROW = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "page", [path for path in PAGES if SNIPPET.search(path.read_text())], ids=lambda path: path.stem
)
def test_the_snippets_of_a_page_run_offline_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    if row := ROW.search(text):
        Path("my.toml").write_text(row[1])
    names: dict[str, Any] = {}
    with oai.default_transport(oai.OfflineTransport()):
        for number, code in enumerate(SNIPPET.findall(text), 1):
            exec(compile(code, f"{page.name}, snippet {number}", "exec"), names)


def test_every_page_is_in_the_contents() -> None:
    trees = re.findall(r"^```{toctree}\n(.*?)^```$", (DOCS / "index.md").read_text(), re.DOTALL | re.MULTILINE)
    contents = {page for tree in trees for page in re.findall(r"<(.*)>$", tree, re.MULTILINE)}
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES} - {"index"}
    assert pages == contents - {"operations/index", "recipes/index", "reference/index"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_links_between_pages_lead_to_files_so_that_they_work_in_the_repository_too(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        path = Path(os.path.normpath(page.parent / target))
        assert path.exists() or path.relative_to(DOCS).parts[0] in GENERATED, target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_no_line_of_a_snippet_is_cut_off_at_the_width_of_the_page(page: Path) -> None:
    blocks = re.findall(r"^```(?:python|py|sh|toml)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    assert [line for block in blocks for line in block.splitlines() if len(line) > 92] == []


def test_no_page_names_a_path_of_the_machine() -> None:
    for page in PAGES:
        assert str(ROOT) not in page.read_text()
        assert os.path.expanduser("~") + "/" not in page.read_text()


def test_the_description_of_the_operations_covers_the_table() -> None:
    from tools.site.operations import as_json, pages

    table = shipped_table()
    operations = {each["name"]: each for each in json.loads(as_json())["operations"]}
    assert operations.keys() == set(table)
    chat = operations["chat.completions.create"]
    assert chat["path"] == "/chat/completions"
    assert {"name": "messages", "required": True} in [
        {key: each[key] for key in ("name", "required")} for each in chat["parameters"]
    ]
    written = "\n".join(pages().values())
    assert all(f"\n## {name}\n" in written for name in table)


def test_types_of_results_are_linked_and_described() -> None:
    from tools.site import operations, types

    written = types.pages()
    assert "\n## ChatCompletion\n" in written["chat"]
    for page in operations.pages().values():
        for name, target in re.findall(r"\]\(\.\./types/(\w+)\.md#([\w-]+)\)", page):
            assert f"({target})=" in written[name], target


def test_helpers_and_websockets_are_described() -> None:
    from tools.site.operations import pages

    written = "\n".join(pages().values())
    assert all(f"\n## {name}\n" in written for name in shipped_table().helpers)


def test_every_example_is_a_recipe() -> None:
    from tools.site.recipes import pages

    written = pages()
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert written.keys() == names | {"index"}
    assert set(re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \| .+\. \|$", written["index"], re.MULTILINE)) == names


def test_every_option_of_a_client_is_described() -> None:
    from tools.site.reference import pages

    named = set(re.findall(r"^\| `(\w+)` \| .+\.<br>`.+ \|$", pages()["options"], re.MULTILINE))
    assert named == set(inspect.signature(oai.OpenAI).parameters)


def test_every_public_name_is_in_the_reference() -> None:
    from tools.site.reference import file_name, pages, public_names

    packages = {"oai": oai.__path__, "oai.lib": oai.lib.__path__}
    files = [(name, each.name) for name, path in packages.items() for each in pkgutil.iter_modules(path)]
    modules = {f"{package}.{name}" for package, name in files if name[0] != "_"}
    described = [module for module in modules if any(f"{each}.".startswith(f"{module}.") for each in MODULES)]
    assert modules - {*described} == {"oai.resources", "oai.types"}
    written = pages()
    for module in MODULES:
        names = re.findall(r"^### (\w+)$", written[file_name(module)].partition("\n## Objects that")[0], re.MULTILINE)
        assert sorted(names) == sorted(name for name, _ in public_names(module)), module


def test_every_public_class_and_function_has_a_docstring() -> None:
    from tools.site.reference import own_doc, public_names
    from tools.site.signatures import members

    undocumented = []
    for module in MODULES:
        for name, value in public_names(module):
            if isinstance(value, type) or inspect.isroutine(value):
                of_the_api = value is type(None) or value.__module__.startswith("oai.types.")
                undocumented += [f"{module}.{name}"] if not own_doc(value) and not of_the_api else []
            if isinstance(value, type):
                undocumented += [f"{module}.{name}.{member}" for member, each, _ in members(value) if not each.__doc__]
    assert undocumented == []


def test_docstrings_become_markdown() -> None:
    from tools.site.docstrings import as_markdown

    doc = """Do *this*, see `a*b`.

    oai.map(create, rows)

Args:
    first, second: what `{x}` is,
        in two lines.

Raises:
    ValueError: it is not."""
    assert (
        as_markdown(doc)
        == """Do \\*this\\*, see `a*b`.

```py
oai.map(create, rows)
```

**Arguments**

- `first`, `second`: what `{x}` is,
  in two lines.

**Raises**

- `ValueError`: it is not."""
    )


def test_signatures_have_a_line_for_each_parameter_if_they_are_long() -> None:
    from tools.site.signatures import signature_of

    def function(first: int, *, second: str | None = None, **others: Any) -> None: ...

    assert signature_of("f", function) == "f(first: int, *, second: str | None = None, **others: Any)"
    assert signature_of("f", function, width=20) == (
        "f(\n    first: int,\n    *,\n    second: str | None = None,\n    **others: Any,\n)"
    )


def test_broken_links_and_foreign_resources_are_reported(tmp_path: Path) -> None:
    from tools.site.links import broken_links

    (tmp_path / "a.html").write_text('<h1 id="top"></h1><a href="b.html#gone">b</a><a href="a.html#top">a</a>')
    (tmp_path / "b.html").write_text('<script src="https://cdn.example/x.js"></script><a href="c.html">c</a>')
    assert list(broken_links(tmp_path)) == [
        "a.html: b.html#gone has no such anchor",
        "b.html: loads https://cdn.example/x.js",
        "b.html: c.html leads nowhere",
    ]
