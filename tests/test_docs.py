"""`oai/docs.toml`: complete for the everyday operations and their results, and shown wherever people look."""

from __future__ import annotations

import inspect
import json
import os
import pydoc
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, get_args

import msgspec
import pytest
from paths import DATA, ROOT

import oai
from oai._cli.main import main
from oai._json.objects import Object
from oai._support.docs import field_docs, read_docs
from oai._table.docs import parameter_docs
from oai._table.load import shipped_table
from oai._table.type_expressions import resolve

OPERATIONS = (DATA / "everyday_operations.txt").read_text().split()
"""The operations that people call every day, all of whose parameters and results must have lines."""

VARIANTS = 10
"""The number of variants from which a union is not followed: items and events of responses."""

WIDTH = 120


def lines() -> Iterator[tuple[str, str]]:
    """Yield every line of the file, by header and name."""
    waiting: list[tuple[str, Any]] = list(read_docs().items())
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        else:
            waiting += [(f"{path}.{name}", inner) for name, inner in value.items()]


def structs(hint: Any) -> list[type[Object]]:
    """Return the structs of the API that a type mentions; none for a union of many."""
    if isinstance(hint, type) and not get_args(hint):
        return [hint] if issubclass(hint, Object) and hint.__module__.startswith("oai.types.") else []
    inner = [kind for part in get_args(hint) if not isinstance(part, str) for kind in structs(part)]
    return inner if len(inner) < VARIANTS else []


def results(path: str) -> list[type[Object]]:
    """Return the structs that an operation returns, and those that are directly in them."""
    table = shipped_table()
    if path in table.helpers:
        return []  # those of the operation, or of Python
    row = table[path]
    chosen = [result for by_value in row.response_by.values() for result in by_value.values()]
    kinds = [kind for result in (row.response, row.stream, *chosen) if result for kind in structs(resolve(result))]
    return [
        *kinds,
        *(inner for kind in kinds for field in msgspec.structs.fields(kind) for inner in structs(field.type)),
    ]


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_parameter_and_field_of_everyday_operations_has_a_line(path: str) -> None:
    table = shipped_table()
    helper = table.helpers.get(path)
    row = table[path] if helper is None else helper.as_row(table)
    docs = parameter_docs(table, path)
    assert [name for name in (*row.path_params, *(row.params or {})) if name not in docs] == []
    for kind in results(path):
        names = {field.name for field in msgspec.structs.fields(kind)}
        assert names - field_docs(kind.__module__, kind.__name__).keys() == set(), kind


def test_lines_are_short_sentences() -> None:
    for path, line in lines():
        assert len(line) <= WIDTH, path
        assert line == line.strip(), path
        assert line.endswith("."), path
        assert line.isprintable(), path
        assert not set(line) & set('"|\\'), path  # stubs and Markdown quote it as it is


def test_each_line_is_about_a_parameter_or_field_that_exists() -> None:
    table = shipped_table()
    for path, _ in lines():
        section, _, rest = path.partition(".")
        owner, _, name = rest.rpartition(".")
        if section == "operations":
            assert owner in table or owner in table.helpers, path
            assert name in parameter_docs(table, owner), path
        elif section == "types":
            fields = {field.name for field in msgspec.structs.fields(resolve(owner))}
            assert name in fields, path


def test_struct_headers_exist_and_stubs_of_types_repeat_the_lines() -> None:
    waiting: list[tuple[str, Any]] = [("", read_docs()["types"])]
    while waiting:
        path, value = waiting.pop()
        waiting += [(f"{path}.{name}".strip("."), inner) for name, inner in value.items() if isinstance(inner, dict)]
        if path and path.rpartition(".")[2][0].isupper():
            kind = resolve(path)
            docs = field_docs(kind.__module__, kind.__name__)
            source = inspect.getsource(kind)
            tag = kind.__struct_config__.tag_field
            names = [field.name for field in msgspec.structs.fields(kind) if field.name != tag]
            assert [name for name in names if f'"""{docs.get(name, "")}"""' not in source] == [], path


def test_help_describes_each_parameter() -> None:
    client = oai.OpenAI(transport=oai.OfflineTransport())
    for method in (client.chat.completions.create, client.chat.completions.parse, client.beta.chat.completions.create):
        assert "    temperature: Randomness, 0 to 2; default 1." in pydoc.plain(pydoc.render_doc(method))
    assert "limit: Maximum number of items on a page" in str(oai.AsyncOpenAI.vector_stores.list.__doc__)
    alias = oai.OpenAI.models.__call__
    assert "With `model`" in str(alias.__doc__)
    assert "model: The id of the model" in str(alias.__doc__)


def test_docstring_is_a_string_to_code_that_reads_it() -> None:
    doc = oai.OpenAI(transport=oai.OfflineTransport()).files.delete.__doc__
    assert isinstance(doc, str)
    assert doc.startswith("Delete")
    assert doc.splitlines()[-1] == "    file_id: The id of the file."
    assert f"{doc}" == str(doc) == doc.strip()


def test_help_of_a_struct_describes_its_fields() -> None:
    from oai.types.chat import ChatCompletion, ParsedChatCompletion

    assert "usage: The number of tokens that were used." in pydoc.plain(pydoc.render_doc(ChatCompletion))
    assert "choices: The answers" in str(ParsedChatCompletion.__doc__)
    assert "description" not in ChatCompletion.model_json_schema()


def test_commands_that_show_an_operation_explain_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "chat.completions.create"]) == 0
    shown = capsys.readouterr().out.splitlines()
    place = next(number for number, line in enumerate(shown) if line.split()[:1] == ["temperature"])
    assert shown[place + 1].strip().startswith("Randomness, 0 to 2; default 1.")


def test_a_call_reads_no_lines() -> None:
    code = (
        "import sys, oai\n"
        "client = oai.OpenAI(transport=oai.OfflineTransport())\n"
        "client.chat.completions.create(model='m', messages=[])\n"
        "print([name for name in ('tomllib', 'oai._support.docs', 'oai._table.docs') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed: pip install -e '.[check]'")
def test_hover_describes_a_parameter_and_a_field(tmp_path: Path) -> None:
    text = 'import oai\nresult = oai.OpenAI().chat.completions.create(model="m", messages=[], temperature=0.2)\nresult.choices'
    with Editor(tmp_path, text) as editor:
        assert "Randomness, 0 to 2; default 1." in editor.hover("temperature")
        assert "The answers: one, or as many" in editor.hover("choices")


class Editor:
    """An editor with one file open, connected to pyright's language server."""

    def __init__(self, directory: Path, text: str) -> None:
        file = directory / "program.py"
        file.write_text(text)
        self._settings = {"pythonPath": sys.executable, "analysis": {"extraPaths": [str(ROOT)]}}
        (directory / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT)]}))
        self._text, self._uri, self._root, self._calls = text, file.as_uri(), directory, 0

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "pyright.langserver", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._root,
        )
        folder = {"uri": self._root.as_uri(), "name": "program"}
        start = {"processId": os.getpid(), "rootUri": folder["uri"], "workspaceFolders": [folder]}
        self._call("initialize", {**start, "capabilities": {"workspace": {"configuration": True}}})
        self._send({"method": "initialized", "params": {}})
        document = {"uri": self._uri, "languageId": "python", "version": 1, "text": self._text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return self

    def __exit__(self, *error: object) -> None:
        self._call("shutdown", None)
        self._send({"method": "exit"})
        self._server.communicate(timeout=60)

    def hover(self, word: str) -> str:
        """Return what is shown at the last place of a word."""
        before = self._text[: self._text.rindex(word) + 1]
        position = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        return json.dumps(self._call("textDocument/hover", {"textDocument": {"uri": self._uri}, "position": position}))

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._server.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        size = 0
        while line := self._server.stdout.readline().strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        return msgspec.json.decode(self._server.stdout.read(size), type=dict[str, Any])

    def _call(self, method: str, params: Any) -> Any:
        self._calls += 1
        self._send({"id": self._calls, "method": method, "params": params})
        while True:
            message = self._read()
            if "method" not in message and message.get("id") == self._calls:
                return message.get("result")
            if "method" in message and "id" in message:
                asks = message["method"] == "workspace/configuration"
                answer = [self._settings for _ in message["params"]["items"]] if asks else None
                self._send({"id": message["id"], "result": answer})
