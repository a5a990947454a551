"""`oai import`: convert a document to a table and structs, and call a matching server with them."""

from __future__ import annotations

import copy
import importlib
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paths import API, DATA

import oai
from oai._json.strict import decoder
from oai._openapi.document import Document
from oai._openapi.rows import import_document, import_openapi
from oai._stubs.files import stubs_for
from oai._table.load import SHIPPED
from oai._table.table import Table
from oai._table.type_expressions import resolve
from oai.testing import Answer, Loopback

DOCUMENT = DATA / "model_server.json"
SPECIFICATION = API / "openapi.json"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The document's table, with its types on Python's path."""
    path = tmp_path / "model-server.toml"
    import_openapi(DOCUMENT, path)
    monkeypatch.syspath_prepend(str(tmp_path))
    resolve.cache_clear()
    yield path
    sys.modules.pop("model_server_types", None)
    resolve.cache_clear()


@pytest.fixture
def client(server: Loopback, client_to: Callable[..., oai.OpenAI], table: Path) -> Any:
    return client_to(base_url=server.url, table=table)


def described(**operation: Any) -> Document:
    return Document({"openapi": "3.1.0", "paths": {"/things": {"post": operation}}})


def test_imported_row_calls_the_server(server: Loopback, client: Any) -> None:
    server.reply(Answer.of_json({"count": 2, "max_model_len": 8, "tokens": [1, 2], "new": True}))
    answer = client.tokenize(prompt="two words")
    assert type(answer).__name__ == "TokenizeResponse"
    assert (answer.count, answer.tokens, answer.token_strs, answer.new) == (2, [1, 2], None, True)
    assert server.requests[0].target == "/tokenize"
    assert server.requests[0].json() == {"prompt": "two words"}


def test_nested_objects_of_responses_are_structs(server: Loopback, client: Any) -> None:
    document = {"text": "a"}
    result = {"index": 0, "document": document, "relevance_score": 0.5}
    server.reply(Answer.of_json({"id": "r", "results": [result], "usage": {"tokens": 3}}))
    answer = client.rerank(model="m", query="q", documents=["a", "b"])
    assert answer.results[0].document.text == "a"
    assert answer.to_dict() == {"id": "r", "results": [result], "usage": {"tokens": 3}}


def test_operation_of_the_shipped_table_keeps_name_types_and_alias(server: Loopback, client: Any) -> None:
    sent = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
    for call in (client.chat.completions.create, client.chat_completion):
        server.reply(Answer.of_json({**sent, "choices": [choice]}))
        answer = call(model="m", messages=[], top_k=3, timeout_=2.0)
        assert isinstance(answer, oai.types.chat.ChatCompletion)
        seen = server.requests[-1]
        assert seen.target == "/v1/chat/completions"
        assert seen.json() == {"model": "m", "messages": [], "top_k": 3, "timeout": 2.0}
    server.reply(Answer.events([{**sent, "object": "chat.completion.chunk", "choices": []}]))
    events = list(client.chat.completions.create(model="m", messages=[], stream=True))
    assert [type(event) for event in events] == [oai.types.chat.ChatCompletionChunk]
    with pytest.raises(TypeError, match="frequency_penalty"):  # which this server does not have
        client.chat.completions.create(model="m", messages=[], frequency_penalty=1)


def test_lists_are_sent_as_openapi_defines(server: Loopback, client: Any) -> None:
    node = {"children": [], "part": {"kind": "text", "text": "t"}, "tagged": {"kind": "img", "url": "u"}, "class": "c"}
    server.reply(Answer.of_json(node), Answer.of_json({}))
    answer = client.items.nodes.retrieve(node_id="n", item_id="i/j", tags=["a", "b"], verbose=True, x_trace="t1")
    seen = server.requests[0]
    assert seen.target == "/items/i%2Fj/nodes/n?verbose=true&tags=a&tags=b"
    assert seen.header("x-trace") == "t1"
    assert (type(answer.part).__name__, type(answer.tagged).__name__, answer.class_) == ("Text", "Img", "c")
    assert answer.to_dict() == node
    client.items.create(file=b"one", note="n", many=[b"two", b"three"])
    names = [(part.name, part.content) for part in server.requests[1].form()]
    assert names == [("note", b"n"), ("file", b"one"), ("many", b"two"), ("many", b"three")]


def test_methods_of_a_resource_are_named(server: Loopback, client: Any) -> None:
    server.default = Answer.of_json({})
    client.items.list(limit=3)
    client.items.retrieve(7)
    client.items.replace(7, extra_body=["a"])
    client.items.update(7, anything="goes")
    client.items.archive(7)
    client.login(user="u", pw="p")
    client.close_()
    assert [(seen.method, seen.target) for seen in server.requests] == [
        ("GET", "/items?limit=3"),
        ("GET", "/items/7"),
        ("PUT", "/items/7"),
        ("PATCH", "/items/7"),
        ("POST", "/items/7/archive"),
        ("POST", "/login"),
        ("GET", "/close"),
    ]
    assert server.requests[2].json() == ["a"]
    assert server.requests[3].json() == {"anything": "goes"}
    server.reply(Answer(status=204))
    assert client.items.delete(7) is None


def test_response_is_read_by_its_declared_type(server: Loopback, client: Any) -> None:
    server.reply(Answer(body=b"up 1", headers=[("Content-Type", "text/plain")]))
    assert client.metrics() == "up 1"
    server.reply(Answer(body=b"\x89PNG", headers=[("Content-Type", "image/png")]))
    assert client.items.picture(7).content == b"\x89PNG"
    server.reply(Answer.events([{"text": "now"}]))
    assert [event.text for event in client.events()] == ["now"]


def test_operation_that_no_row_can_express_is_noted(table: Path) -> None:
    noted = [line for line in table.read_text().splitlines() if line.startswith("# left out")]
    assert noted == ["# left out: POST /raw, whose body is application/octet-stream"]


def test_existing_files_are_not_overwritten(table: Path) -> None:
    before = table.read_bytes()
    with pytest.raises(oai.OpenAIError, match="already exists"):
        import_openapi(DOCUMENT, table)
    assert table.read_bytes() == before


def test_document_is_read_from_a_url(server: Loopback, tmp_path: Path) -> None:
    server.reply(Answer(body=DOCUMENT.read_bytes(), headers=[("Content-Type", "application/json")]))
    lines = import_openapi(f"{server.url}/openapi.json", tmp_path / "fetched.toml")
    assert "rerank" in oai.load_table(tmp_path / "fetched.toml")
    assert lines[0].endswith("has 19 operations")
    server.reply(Answer.error(404, "not here"))
    with pytest.raises(oai.OpenAIError, match="the server responded with 404"):
        import_openapi(f"{server.url}/openapi.json", tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("openapi: 3.1.0", "not JSON"),
        ('{"swagger": "2.0"}', "Swagger 2"),
        ('{"openapi": "2.0"}', "must be OpenAPI 3"),
        ("[]", "has no `openapi`"),
        ('{"openapi": "3.0.0", "paths": {}}', "describes no operation"),
    ],
)
def test_invalid_document_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    source = tmp_path / "openapi.json"
    source.write_text(text)
    with pytest.raises(oai.OpenAIError, match=message):
        import_openapi(source, tmp_path / "out.toml")
    assert not (tmp_path / "out.toml").exists()


def test_call_paths_never_collide() -> None:
    node = {"responses": {}}
    paths = (
        "/score",
        "/score/batch",
        "/score-batch",
        "/score_batch",
        "/models",
        "/request",
        "/a/class/{id}",
        "/chat_completion",
    )
    document = Document({"openapi": "3.0.0", "paths": {path: {"post": copy.deepcopy(node)} for path in paths}})
    rows = import_document(document).rows
    assert list(rows) == [
        "score.create",
        "score.batch",
        "score_batch",
        "score_batch_2",
        "models.create",
        "request_",
        "a.class_.update",
        "chat_completion_",
    ]


def test_parameter_names_are_valid_in_python() -> None:
    params = [{"name": name, "in": "query", "schema": {}} for name in ("class", "per-page", "timeout", "ids[]", "_x")]
    row = import_document(described(parameters=params, responses={})).rows["things"]
    assert row["params"] == {"class_": "Any?", "per_page": "Any?", "timeout_": "Any?", "ids": "Any?", "x": "Any?"}
    assert row["rename"] == {"class_": "class", "per_page": "per-page", "timeout_": "timeout", "x": "_x"}


@pytest.mark.parametrize(
    ("schema", "expression"),
    [
        ({"type": "string"}, "str"),
        ({"type": ["integer", "null"]}, "int | None"),
        ({"type": "number", "nullable": True}, "float | None"),
        ({"enum": ["a", "b", None]}, "Literal['a', 'b'] | None"),
        ({"anyOf": [{"const": "a"}, {"const": "b"}]}, "Literal['a', 'b']"),
        ({"anyOf": [{"const": "inf"}, {"type": "integer"}]}, "Literal['inf'] | int"),
        ({"anyOf": [{"const": "a"}, {"type": "string"}]}, "str"),
        ({"enum": [1.5, 2.5]}, "Any"),
        ({"type": "array", "items": {"type": "boolean"}}, "list[bool]"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "dict[str, int]"),
        ({"type": "object"}, "dict[str, Any]"),
        ({"oneOf": [{"type": "array"}, {"type": "array", "items": {"type": "string"}}]}, "Any"),
        ({"$ref": "#/components/schemas/Nowhere"}, "Any"),
        ({}, "Any"),
    ],
)
def test_a_schema_becomes_a_type(schema: dict[str, Any], expression: str) -> None:
    answer = {"200": {"content": {"application/json": {"schema": schema}}}}
    row = import_document(described(responses=answer), "made_types").rows["things"]
    assert row["response"] == expression
    decoder(resolve(expression))


def test_recursive_schema_terminates() -> None:
    schemas = {
        "Tree": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}]},
        "Loop": {"$ref": "#/components/schemas/Loop"},
    }
    for name, expression in (("Tree", "str | list[Any]"), ("Loop", "Any")):
        answer = {"200": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}}
        document = Document({**described(responses=answer).data, "components": {"schemas": schemas}})
        assert import_document(document, "made_types").rows["things"]["response"] == expression


def test_published_specification_imports_with_a_decoder_for_every_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not SPECIFICATION.exists():
        pytest.skip(f"{SPECIFICATION} is not there")
    imported = import_document(Document.parse(SPECIFICATION.read_bytes()), "specification_types", Table({}))
    (tmp_path / "specification_types.py").write_text(imported.types)
    monkeypatch.syspath_prepend(str(tmp_path))
    types = importlib.import_module("specification_types")
    try:
        structs = [each for each in vars(types).values() if isinstance(each, type) and issubclass(each, oai.Object)]
        assert len(structs) > 600
        for struct in structs:
            msgspec.json.Decoder(struct)
        for row in imported.rows.values():
            decoder(resolve(row["response"]))
    finally:
        del sys.modules["specification_types"]
        resolve.cache_clear()


def test_published_specification_adds_no_call_path(tmp_path: Path) -> None:
    if not SPECIFICATION.exists():
        pytest.skip(f"{SPECIFICATION} is not there")
    import_openapi(SPECIFICATION, tmp_path / "specification.toml")
    both = oai.load_table(SHIPPED, tmp_path / "specification.toml")
    assert set(both) == set(oai.load_table(SHIPPED))
    assert not (tmp_path / "specification_types.py").exists()


def test_text_of_a_document_never_becomes_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile texts in names, comments and strings."""
    evil = '"""\n\n[injected]\nmethod = "GET"\nimport os\n\\\'); raise SystemExit #'
    kinds = {"type": "object", "required": [evil], "properties": {evil: {"enum": [evil]}, "class": {"const": "a"}}}
    other = {"type": "object", "properties": {"class": {"const": "b"}, "list": {"type": "string"}}}
    answer = {"oneOf": [{"$ref": f"#/components/schemas/{evil.replace('/', '')}"}, other]}
    operation = {
        "summary": evil,
        "parameters": [{"name": evil, "in": "query", "schema": {"enum": [evil]}}],
        "responses": {"200": {"content": {"application/json": {"schema": answer}}}},
    }
    data = {
        "openapi": "3.1.0",
        "info": {"title": evil},
        "servers": [{"url": f"https://x{evil}"}],
        "paths": {"/good": {"get": operation}, f"/{evil}": {"get": operation}, "/{a}/{a}": {"get": {}}},
        "components": {"schemas": {evil: kinds}},
    }
    source = tmp_path / "openapi.json"
    source.write_text(json.dumps(data))
    notes = import_openapi(source, tmp_path / "evil.toml")
    assert len([note for note in notes if note.startswith("left out")]) == 1
    monkeypatch.syspath_prepend(str(tmp_path))
    rows = oai.load_table(tmp_path / "evil.toml")
    assert sorted(rows) == ["good", "root.retrieve"]
    types = importlib.import_module("evil_types")
    try:
        kind = resolve(rows["good"].response)
        decoded = oai.decode(kind, json.dumps({evil: evil, "class": "a"}).encode())
        assert decoded.to_dict() == {evil: evil, "class": "a"}
        assert type(decoded).__module__ == types.__name__
    finally:
        del sys.modules["evil_types"]
        resolve.cache_clear()


def test_fixture_document_has_all_operations() -> None:
    assert len(list(Document(json.loads(DOCUMENT.read_text())).operations())) == 20


def holding(schemas: dict[str, Any], *, form: bool = False) -> Document:
    """Return a document of one operation with the schema `A` as its response or its form."""
    there = {"content": {"multipart/form-data" if form else "application/json": {"schema": to("A")}}}
    operation: dict[str, Any] = {"requestBody": there, "responses": {}} if form else {"responses": {"200": there}}
    paths = {"/things": {"post": operation}}
    return Document({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}})


def to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_mutually_recursive_base_and_variants_terminate() -> None:
    kinds = [f"Kind{number}" for number in range(20)]
    schemas = {kind: {"allOf": [to("A"), {"properties": {kind: {"type": "string"}}}]} for kind in kinds}
    base = {"properties": {"id": {"type": "string"}}, "required": ["id"], "oneOf": [to(kind) for kind in kinds]}
    types = import_document(holding({**schemas, "A": base}), "m").types
    assert types.index("    id: str\n") < types.index("    Kind19: str | None = None\n")


@pytest.mark.parametrize(
    "schema", [{"anyOf": [to("B"), {"type": "string"}]}, {"type": "array", "items": to("B")}, {"allOf": [to("B")]}]
)
def test_recursive_field_of_a_form_terminates(schema: dict[str, Any]) -> None:
    imported = import_document(holding({"A": {"properties": {"f": to("B")}}, "B": schema}, form=True))
    assert list(imported.rows["things"]["params"]) == ["f"]


def test_deeply_nested_document() -> None:
    schemas = {f"S{number}": {"properties": {"next": to(f"S{number + 1}")}} for number in range(2000)}
    types = import_document(holding({**schemas, "A": to("S0"), "S2000": {"type": "integer"}}), "m").types
    assert types.count("class ") == 2000
    with pytest.raises(oai.OpenAIError, match="not JSON"):
        Document.parse("[" * 100_000)


def test_server_url_variables_use_their_defaults() -> None:
    server = {"url": "https://{region}.example/{v}", "variables": {"region": {"default": "eu"}, "v": {}}}
    assert Document({"openapi": "3.0.0", "servers": [server]}).server == "https://eu.example/{v}"


def test_undocumented_parameters_of_shipped_operations_are_kept(
    server: Loopback, client_to: Callable[..., oai.OpenAI], tmp_path: Path
) -> None:
    silent = {"post": {"responses": {"200": {"description": ""}}}}
    paths = {"/v1/chat/completions": silent, "/v1/files": silent, "/caf\u00e9/{id}": silent}
    source = tmp_path / "silent.json"
    source.write_text(json.dumps({"openapi": "3.1.0", "paths": paths}))
    import_openapi(source, tmp_path / "silent.toml")
    client: Any = client_to(base_url=server.url, table=tmp_path / "silent.toml")
    server.reply(json={"id": "c"})
    server.reply(json={"id": "f"})
    server.reply(json=None)
    assert client.chat.completions.create(model="m", messages=[]).id == "c"
    assert client.files.create(file=b"x", purpose="user_data").id == "f"
    client.caf.update("a b")
    assert server.requests[0].json() == {"model": "m", "messages": []}
    assert server.requests[2].target == "/caf%C3%A9/a%20b"


def doubled(key: str, count: int = 24) -> dict[str, Any]:
    """Return schemas each of which refers to the next one twice, `A` first."""
    names = ["A", *(f"S{number}" for number in range(count))]
    schemas: dict[str, Any] = {name: {key: [to(below), to(below)]} for name, below in itertools.pairwise(names)}
    return {**schemas, names[-1]: {"properties": {"id": {"type": "string"}}, "required": ["id"]}}


@pytest.mark.parametrize("key", ["allOf", "anyOf", "oneOf"])
@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("module", [None, "m"])
def test_schemas_that_refer_to_each_other_twice_take_linear_time(key: str, form: bool, module: str | None) -> None:
    began = time.monotonic()
    imported = import_document(holding(doubled(key), form=form), module)
    assert time.monotonic() - began < 30
    assert list(imported.rows) == ["things"]
    if form:
        assert imported.rows["things"]["params"] == {"id": "str"}
    elif module:
        assert imported.types.count("    id: str") == 1


def test_circular_schemas_that_refer_to_each_other_twice_terminate() -> None:
    for key in ("allOf", "anyOf"):
        schemas = doubled(key)
        schemas["S23"] = {**schemas["S23"], key: [to("A"), to("S5")]}
        for form in (False, True):
            import_document(holding(schemas, form=form), "m")


def test_nested_lists_and_objects_have_a_bounded_type() -> None:
    schemas: dict[str, Any] = {
        f"S{n}": {
            "anyOf": [
                {"type": "array", "items": to(f"S{n + 1}")},
                {"type": "object", "additionalProperties": to(f"S{n + 1}")},
            ]
        }
        for n in range(30)
    }
    row = import_document(holding({**schemas, "A": {"properties": {"f": to("S0")}}}, form=True)).rows["things"]
    assert len(row["params"]["f"]) < 10_000


def test_schema_nested_deeper_than_python_calls_is_a_named_error() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(900):
        schema = {"type": "array", "items": schema}
    with pytest.raises(oai.OpenAIError, match="a schema that is nested too deeply"):
        import_document(holding({"A": {"properties": {"f": schema}}}), "m")


HOSTILE = ["a\0b", "\ud800 half", 'a"""b', "a\\", "\u2028\x85line", "\x1b[31m", "{names}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_titles_and_texts_are_written_as_valid_files(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = {"type": "object", "title": text, "properties": {text: {"type": "string"}, "id": {"const": text}}}
    operation = {
        "summary": text,
        "operationId": text,
        "parameters": [{"name": text, "in": "query", "schema": {"enum": [text]}}],
        "responses": {"200": {"content": {"application/json": {"schema": kind}}}},
    }
    paths = {"/good": {"get": operation}, f"/p/{text}/{{{text}}}": {"post": operation}}
    document = {"openapi": "3.1.0", "info": {"title": text}, "servers": [{"url": f"https://{text}"}], "paths": paths}
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    import_openapi(tmp_path / "openapi.json", tmp_path / "hostile.toml")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert "good" in oai.load_table(tmp_path / "hostile.toml")
        importlib.import_module("hostile_types")
        compile(stubs_for([tmp_path / "hostile.toml"]), "stubs", "exec", dont_inherit=True)
    finally:
        sys.modules.pop("hostile_types", None)
        resolve.cache_clear()


@pytest.mark.parametrize("name", ["__init__", "__class__", "to_dict", "_x", "class", "a b", "\ufb01le"])
def test_discriminator_that_is_no_attribute_name_keeps_the_methods_of_the_struct(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = [{"type": "object", "properties": {name: {"const": tag}, "x": {"type": "integer"}}} for tag in "ab"]
    schemas = {"A": {"oneOf": [to("V0"), to("V1")]}, "V0": variants[0], "V1": variants[1]}
    imported = import_document(holding(schemas), "tagged_types")
    (tmp_path / "tagged_types.py").write_text(imported.types, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        value = oai.decode(resolve(imported.rows["things"]["response"]), json.dumps({name: "b", "x": 1}).encode())
        assert (type(value).__name__, value.x) == ("V1", 1)
        assert value.to_dict() == {name: "b", "x": 1}
    finally:
        sys.modules.pop("tagged_types", None)
        resolve.cache_clear()
