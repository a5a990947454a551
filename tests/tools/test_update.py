"""Updates to a version of the official SDK: what becomes of rows, in the table's text and in the report."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai._table.write import WIDEST, to_toml
from tools.generate.edit import TableText
from tools.generate.ir import NONE, Alias, Facts, Field, Lit, OneOf, Prim, Struct
from tools.generate.merge import merge
from tools.generate.modules import ModuleFacts
from tools.generate.pin import PIN, ROOT, read_pin, write_pin
from tools.generate.report import Report, left_over, of_modules, of_surface, of_types

OLD = {
    "doc": "Update a thing.",
    "method": "POST",
    "path": "/things/{id}",
    "body": "json",
    "response": "Thing | None",
    "params": {"name": "str", "size": "int?", "tags": "list[str]?"},
}
NEW = {**OLD, "params": {"name": "str", "colour": "str?", "size": "int | None?"}}


def merged(ours: Any, old: Any = OLD, new: Any = NEW, excused: Any = ()) -> Any:
    sides = [{} if side is None else {"things.update": side} for side in (ours, old, new)]
    return merge(*sides, lambda name, key: (name, key) in {("things.update", each) for each in excused})


def test_unedited_row_is_replaced_by_the_newly_generated_one() -> None:
    result = merged(OLD)
    assert result.rows == {"things.update": NEW}
    assert list(result.rows["things.update"]["params"]) == ["name", "colour", "size"]
    assert result.changes == [
        "new: `things.update` params.colour: `str?`",
        "changed: `things.update` params.size: `int?` -> `int | None?`",
        "gone: `things.update` params.tags: `list[str]?`",
    ]
    assert result.kept == []


@pytest.mark.parametrize(
    ("ours", "kept", "params"),
    [
        ({"params": {**OLD["params"], "size": "float?"}}, "params.size", {"colour": "str?", "size": "float?"}),
        ({"params": {**OLD["params"], "tags": "Sequence[str]?"}}, "params.tags", {"tags": "Sequence[str]?"}),
        ({"params": {"name": "str", "size": "int?", "mine": "str?", "tags": "list[str]?"}}, "", {"mine": "str?"}),
        ({"params": {**OLD["params"], "name": "int"}}, "", {"name": "int"}),
    ],
)
def test_manual_change_is_kept_and_reported_if_the_sdk_changed_too(
    ours: Any, kept: str, params: dict[str, str]
) -> None:
    result = merged({**OLD, **ours})
    assert params.items() <= result.rows["things.update"]["params"].items()
    assert [line.split("`")[2].split(":")[0].strip() for line in result.kept] == ([kept] if kept else [])


def test_words_and_aliases_of_people_stay() -> None:
    ours = {**OLD, "doc": "Change what is known of a thing.", "alias": ["things_update"], "error_events": True}
    row = merged(ours).rows["things.update"]
    assert {key: row[key] for key in ("doc", "alias", "error_events")} == {
        key: ours[key] for key in ("doc", "alias", "error_events")
    }


def test_the_order_of_a_union_is_not_a_persons_change() -> None:
    assert merged({**OLD, "response": "None | Thing"}, new={**OLD, "response": "Thing"}).rows["things.update"][
        "response"
    ] == ("Thing")
    assert merged({**OLD, "response": "None | Thing"}, new=OLD).rows == {}


def test_operations_come_and_go() -> None:
    assert merged(None, old=None).rows == {"things.update": NEW}
    assert merged(OLD, new=None).removed == ["things.update"]
    assert merged({**OLD, "doc": "Other words."}, new=None).removed == ["things.update"]
    edited = merged({**OLD, "auth": "admin"}, new=None)
    assert (edited.removed, len(edited.kept)) == ([], 1)
    excused = merged(OLD, new=None, excused=[""])
    assert (excused.removed, len(excused.kept)) == ([], 1)


def test_excused_parameters_stay_when_the_sdk_drops_them() -> None:
    result = merged(OLD, excused=["params.tags"])
    assert result.rows["things.update"]["params"]["tags"] == "list[str]?"
    assert "it stays as excused" in result.kept[0]


def test_merging_again_changes_nothing() -> None:
    row = merged(OLD).rows["things.update"]
    again = merged(row, old=OLD)
    assert (again.rows, again.changes, again.kept) == ({}, [], [])


def test_events_that_a_websocket_sends_come_and_go() -> None:
    old = {"websocket": "/x", "events": "Event", "sends": {"a": {"id": "str?"}, "b": {}}}
    new = {"websocket": "/x", "events": "Event", "sends": {"a": {"id": "str"}, "c": {"n": "int"}}}
    assert merged(old, old, new).rows["things.update"]["sends"] == new["sends"]
    edited = {**old, "sends": {**old["sends"], "b": {"mine": "str?"}}}  # type: ignore[dict-item]
    assert merged(edited, old, new).rows["things.update"]["sends"] == {**new["sends"], "b": {"mine": "str?"}}  # type: ignore[dict-item]


TABLE = """\
# All things.

[things.create]
doc = "Create a thing."   # a person's words
method   = "POST"
path     = "/things"
body     = "json"
response = "Thing"

[things.create.params]
name = "str"   # in capitals
size = "int?"
kind = \"\"\"\\
    Literal['a', \\
    'b']?\"\"\"

# What follows is older.

[things.list]
doc      = "List things."
method   = "GET"
path     = "/things"
body     = "query"
response = "Page[Thing]"
params   = {}

[zoo.list]
method   = "GET"
path     = "/zoo"
body     = "query"
response = "Page[Animal]"
"""


def test_a_row_that_people_laid_out_is_edited_line_by_line() -> None:
    table = TableText(TABLE)
    keys = table.rows()["things.create"]
    params = {"name": "str", "size": "float?", "colour": "str?"}
    table.replace("things.create", {**keys, "response": "NewThing", "params": params})
    expected = (
        TABLE.replace('response = "Thing"', 'response = "NewThing"')
        .replace('size = "int?"', 'size = "float?"\ncolour = "str?"')
        .replace('kind = """\\\n    Literal[\'a\', \\\n    \'b\']?"""\n', "")
    )
    assert table.text == expected


def test_rows_are_added_after_their_neighbours_and_removed_without_a_trace() -> None:
    table = TableText(TABLE)
    row = {"method": "GET", "path": "/things/{id}", "body": "query", "response": "Thing", "params": {}}
    table.add("things.delete", row)
    table.add("things.parts.list", row)
    table.add("brand.new", row)
    assert list(table.rows()) == [
        "things.create",
        "things.delete",
        "things.list",
        "things.parts.list",
        *("zoo.list", "brand.new"),
    ]
    for name in ("things.delete", "things.parts.list", "brand.new"):
        table.remove(name)
    assert table.text == TABLE


def test_row_in_generated_layout_keeps_the_layout() -> None:
    table = TableText(TABLE)
    row = {**table.rows()["things.list"], "params": {"limit": "int?"}}
    table.replace("things.list", row)
    assert to_toml({"things.list": row}) in table.text
    assert table.text.replace('{ limit = "int?" }', "{}") == TABLE


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'\\"), max_size=40), min_size=1),
    st.lists(st.sampled_from(["chat.ChatCompletion", "responses.Response", "None", "dict[str, Any]"]), max_size=9),
)
def test_long_values_are_written_over_lines_and_read_back_equal(values: list[str], more: list[str]) -> None:
    row = {
        "method": "GET",
        "path": "/" + "/".join(["things"] * len(values)),
        "doc": " ".join(["word"] * len(values)),
        "response": " | ".join([f"Literal[{', '.join(map(repr, values))}]", *more]),
        "args": ["argument"] * len(values),
        "rename": {f"name_{n}": "x" * 30 for n in range(len(values))},
        "params": {f"param_{n}": "list[Literal['one', 'two']]?" for n in range(len(values))},
    }
    text = to_toml({"a.b": row})
    assert tomllib.loads(text)["a"]["b"] == row
    longest = max(len(piece) for piece in repr(values).split(","))
    assert all(len(line) <= max(WIDEST, 2 * longest + 60) for line in text.splitlines())


def test_the_version_is_pinned_in_one_place(tmp_path: Path) -> None:
    project, module = tmp_path / "pyproject.toml", tmp_path / "version.py"
    project.write_text((ROOT / "pyproject.toml").read_text())
    write_pin("9.8.7", project, module)
    assert read_pin(project) == "9.8.7"
    assert '__version__: Final = "9.8.7"' in module.read_text()
    write_pin(read_pin(), project, module)
    assert project.read_text() == (ROOT / "pyproject.toml").read_text()
    assert module.read_text() == (ROOT / "oai" / "_official" / "version.py").read_text()
    assert len(PIN.findall(project.read_text())) == 1


def key(name: str) -> tuple[str, str]:
    return "openai.types.things", name


def facts(values: tuple[str, ...], **fields: Any) -> Facts:
    struct = Struct(
        key("Thing"), [Field(name, name, kind, required=True) for name, kind in fields.items()], param=False
    )
    return Facts(structs={struct.key: struct}, aliases={key("Kind"): Alias(key("Kind"), Lit(values))})


def test_the_report_names_types_fields_and_values() -> None:
    old = facts(("a", "b"), name=Prim("str"), size=Prim("int"))
    new = facts(("a", "c"), name=OneOf((Prim("str"), NONE)), colour=Prim("str"))
    assert of_types(old, new) == [
        "changed: `things.Thing.name`: `str` -> `str | None`",
        "gone: `things.Thing.size`",
        "new: `things.Thing.colour`: `str`",
        "new: values of `things.Kind`: `'c'`",
        "gone: values of `things.Kind`: `'b'`",
    ]
    assert of_types(old, old) == []


def test_the_report_names_changed_code_of_the_sdk_and_ours_that_follows_it(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "official.txt").write_text("# generated\nthings: oai.helpers.things Runner; oai.types.x Y\n")
    old = {
        "openai.lib.things": ModuleFacts(
            "openai.lib.things", signatures={"Runner.run": "self, a", "f": ""}, digest="1"
        ),
        "openai.types.x": ModuleFacts("openai.types.x", digest="1"),
    }
    new = {
        "openai.lib.things": ModuleFacts("openai.lib.things", signatures={"Runner.run": "self, a, b=1"}, digest="2"),
        "openai.types.x": ModuleFacts("openai.types.x", digest="2"),
        "openai.lib.new": ModuleFacts("openai.lib.new", digest="3"),
    }
    assert of_modules(old, new, tmp_path) == [
        "new: module `lib.new`",
        "changed: the code of `lib.things` (here: oai.helpers.things)",
        "changed: `lib.things.Runner.run(self, a)` -> `(self, a, b=1)`",
        "gone: `lib.things.f`",
    ]
    assert of_modules(new, new, tmp_path) == []


def test_the_report_is_markdown_with_all_sections() -> None:
    report = Report("1.0.0", "1.1.0", operations=["new: `a.b`"], types=["gone: `c`", "new: `d`"])
    report.surface += of_surface({"OpenAI(a)": "1", "OpenAI(b)": "2"}, {"OpenAI(a)": "3"})
    report.left += left_over("the specification is x\nmissing  official  [x] y: z\n", "")
    text = report.markdown()
    assert text.startswith("# From the official SDK 1.0.0 to 1.1.0\n\n## Operations and parameters\n\n- new: `a.b`\n")
    assert "- changed: `OpenAI(a)`: 1 -> 3\n- gone: `OpenAI(b)`" in text
    assert "- `python -m tools.generate check`: missing  official  [x] y: z" in text
    assert report.summary() == " (operations, parameters, types, fields and values: 2 new, 1 gone)."


def test_a_check_that_fails_is_reported_with_its_last_line() -> None:
    assert left_over("", "Traceback\nKeyError: 'x'\n") == ["`python -m tools.generate check` failed: KeyError: 'x'"]
