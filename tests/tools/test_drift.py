"""The drift command: nothing differs that is not excused, and whatever would differ shows."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")

from oai._openapi.document import Document
from oai._table.check import check_row
from tools.generate import check as checking
from tools.generate.drift import Difference, against_document, against_official
from tools.generate.exceptions import Exceptions
from tools.generate.generated import of_installed
from tools.generate.table import ROOT, SPECIFICATION, TABLE, add_rows, read_table

PACKAGE = ROOT / "oai"

ROW = {
    "method": "POST",
    "path": "/things/{thing_id}",
    "body": "json",
    "response": "dict",
    "params": {"name": "str", "tags": "list[str]?"},
}


def row(**changes: Any) -> Any:
    return check_row("a test", "things.update", {**ROW, **changes})


def document(**changes: Any) -> Document:
    properties = {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}}
    body = {"type": "object", "properties": properties, "required": ["name"]}
    operation = {
        "operationId": "updateThing",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {}}],
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
        **changes,
    }
    return Document({"openapi": "3.1.0", "paths": {"/things/{id}": {"post": operation}}})


def found(differences: Any) -> set[tuple[str, str]]:
    return {(each.kind, each.key) for each in differences}


def test_only_excused_differences_from_the_sdk_and_the_specification_exist() -> None:
    if not SPECIFICATION.exists():
        pytest.skip(f"{SPECIFICATION} is not there; the comparison with the SDK alone is the next test")
    left, complaints = checking.differences(Document.parse(SPECIFICATION.read_bytes()))
    assert not left, "\n".join(map(str, left))
    assert not complaints, "\n".join(complaints)


def test_every_type_that_the_sdk_exports_can_be_imported_under_its_name() -> None:
    """What is written once for several keeps all the names that people know."""
    facts = of_installed().plan.facts
    exports = {
        (package.replace("openai", "oai", 1), name) for package in facts.exports for name in facts.exports[package]
    }
    missing = [each for each in sorted(exports) if not hasattr(importlib.import_module(each[0]), each[1])]
    assert len(exports) > 1700
    assert missing == []


def test_the_command_prints_differences_and_exits_with_1(tmp_path: Path) -> None:
    """In a process of its own, over a document with one operation more, and one parameter more."""
    path = tmp_path / "openapi.json"
    body = {"type": "object", "properties": {"model": {}, "colour": {}}, "required": ["model"]}
    speech = {
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": ""}},
    }
    paths = {"/audio/speech": {"post": speech}, "/brand/new": {"get": {"operationId": "brandNew", "responses": {}}}}
    path.write_text(json.dumps({"openapi": "3.1.0", "paths": paths}))
    command = [sys.executable, "-m", "tools.generate", "check", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "missing  specification  [brandNew]: GET /brand/new" in done.stdout
    assert "missing  specification  [audio.speech.create] params.colour: body, optional" in done.stdout


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"doc": "Other words.", "alias": ["thing"]}, set()),
        ({"method": "PUT"}, {("changed", "method")}),
        ({"path": "/things/{id}"}, {("changed", "path")}),
        ({"response": "str"}, {("changed", "response")}),
        ({"auth": "admin"}, {("changed", "auth")}),
        ({"headers": {"OpenAI-Beta": "x"}}, {("changed", "headers")}),
        ({"rename": {"name": "title"}}, {("changed", "rename")}),
        ({"query": ["name"]}, {("changed", "query")}),
        ({"stream": "dict"}, {("changed", "stream")}),
        ({"body": "multipart", "files": ["name"]}, {("changed", "body"), ("changed", "files")}),
        ({"params": {"name": "str"}}, {("gone", "params.tags")}),
        ({"params": {"name": "str?", "tags": "list[str]?"}}, {("changed", "params.name")}),
        ({"params": {"name": "int", "tags": "list[str]?"}}, {("changed", "params.name")}),
        ({"params": {**ROW["params"], "new": "int?"}}, {("missing", "params.new")}),
    ],
)
def test_differences_from_the_sdk_are_reported(changes: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert found(against_official({"things.update": row()}, {"things.update": {**ROW, **changes}})) == expected


def test_the_order_of_a_union_is_ignored() -> None:
    params = {"name": "str | int | None?"}
    ours = row(params={"name": "None | int | str?"})
    assert found(against_official({"things.update": ours}, {"things.update": {**ROW, "params": params}})) == set()


def test_operations_of_one_side_only_are_reported() -> None:
    theirs = {"things.create": {**ROW, "path": "/things/{thing_id}"}}
    differences = list(against_official({"things.update": row()}, theirs))
    assert {(each.kind, each.operation) for each in differences} == {
        ("missing", "things.create"),
        ("gone", "things.update"),
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"path": "/things/{other_name}"}, set()),
        ({"params": {"name": "str"}}, {("missing", "params.tags")}),
        ({"params": {**ROW["params"], "new": "int?"}}, {("gone", "params.new")}),
        ({"params": {"name": "str?", "tags": "list[str]?"}}, {("changed", "params.name")}),
        ({"params": {"name": "str", "tags": "str?"}}, {("changed", "params.tags")}),
        ({"query": ["tags"]}, {("changed", "params.tags")}),
        ({"rename": {"name": "title"}}, {("missing", "params.name"), ("gone", "params.title")}),
        ({"header_params": {"name": "X-Name"}}, {("missing", "params.name"), ("gone", "params.x-name")}),
        ({"body": "multipart", "files": ["name"]}, {("changed", "body"), ("changed", "params.name")}),
        ({"stream": "dict"}, {("changed", "stream")}),
        ({"response": "bytes"}, {("changed", "response")}),
        ({"auth": "admin"}, {("changed", "auth")}),
        ({"deprecated": "gone"}, set()),
    ],
)
def test_differences_from_a_document_are_reported(changes: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert found(against_document({"things.update": row(**changes)}, document())) == expected


def test_changes_in_a_newer_document_are_reported() -> None:
    table = {"things.update": row()}
    events = {"200": {"content": {"text/event-stream": {}, "application/json": {}}}}
    changed = found(against_document(table, document(deprecated=True, responses=events, security=[{"AdminKey": []}])))
    assert changed == {("changed", "deprecated"), ("changed", "stream"), ("changed", "auth")}
    moved = Document({"openapi": "3.1.0", "paths": {"/other": {"post": {"operationId": "other", "responses": {}}}}})
    assert {(each.kind, each.operation) for each in against_document(table, moved)} == {
        ("missing", "other"),
        ("gone", "things.update"),
    }


def test_edited_and_missing_types_and_stubs_are_reported(tmp_path: Path) -> None:
    for part in ("types", "_typed"):
        shutil.copytree(PACKAGE / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    types = tmp_path / "types"
    (tmp_path / "_typed" / "chat.pyi").write_text("")
    edited, lost, new = types / "chat" / "structs.py", types / "audio" / "structs.py", types / "chat" / "new.py"
    edited.write_text(edited.read_text() + "\n")
    lost.unlink()
    new.write_text("")
    left, _ = checking.differences(None, tmp_path)
    assert {(each.kind, each.operation.replace("\\", "/")) for each in left} == {
        ("changed", "types/chat/structs.py"),
        ("missing", "types/audio/structs.py"),
        ("gone", "types/chat/new.py"),
        ("changed", "_typed/chat.pyi"),
    }


def test_an_exception_without_a_reason_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.toml"
    path.write_text('specification = []\n[helpers]\n[[official]]\noperations = ["x"]\n')
    with pytest.raises(ValueError, match="a reason"):
        Exceptions.load(path)


def test_an_exception_excuses_its_difference_and_is_reported_when_stale(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.toml"
    path.write_text(
        'specification = []\n[helpers]\n[[official]]\noperations = ["a.*"]\nkeys = ["params.*"]\nreason = "so"\n'
    )
    exceptions = Exceptions.load(path)
    excused = Difference("official", "gone", "a.b", "params.c")
    others = [Difference("official", "gone", "a.b"), Difference("specification", "gone", "a.b", "params.c")]
    assert exceptions.sift([excused, *others], ["official"]) == (others, [])
    left, complaints = exceptions.sift(others, ["official"])
    assert left == others
    assert len(complaints) == 1
    assert "excused, but not different" in complaints[0]


def test_new_rows_are_added_and_edited_rows_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.toml"
    text = TABLE.read_text()
    path.write_text(text)
    edited = {**ROW, "doc": "Never written."}
    assert add_rows({"models.list": edited, "things.update": ROW, "things.list": {**ROW, "params": {}}}, path) == [
        "things.update",
        "things.list",
    ]
    assert path.read_text().startswith(text)
    table = read_table(path)
    assert table["models.list"] == read_table()["models.list"]
    assert table["things.update"] == row()
    assert add_rows({"things.update": edited}, path) == []
