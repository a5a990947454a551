"""Validate the request of each row against the published specification.

A JSON Schema library, which shares no code with the client, validates the query, the JSON body or the form of every
operation of the specification. The arguments are generated from the types of its row, and the requests are those that
the recording transport sent.
"""

from __future__ import annotations

import email
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from operations import BASE, KEY, ROWS, InMemory, function, recorded
from paths import API

import oai
from oai._http.messages import Request, body_bytes

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install '.[official]'")
referencing = pytest.importorskip("referencing")

SPECIFICATION = API / "openapi.json"
if not SPECIFICATION.exists():
    pytest.skip(f"{SPECIFICATION} is not there", allow_module_level=True)

NAME = "urn:specification"

OLDER = "the specification is older: the SDK's types have it by now"
NULL = "the SDK's types and the server take null"
AMBIGUOUS = "the value fits two variants of a `oneOf`, which the SDK's types and the server have as one of several"
RULE = "arguments that exclude or need each other, which types do not say: the server does"
CONFUSED = "the specification describes the answer where it means the request"

EXCUSED = [
    ("admin.organization.usage.completions", r"query\.group_by\[\d\]", OLDER),
    ("admin.organization.usage.costs", r"query\.group_by\[\d\]", OLDER),
    ("admin.organization.usage.web_search_calls", r"query\.group_by\[\d\]", OLDER),
    ("audio.voices.create", "body", OLDER),
    ("beta.chat.completions.create", r"body\.top_logprobs", NULL),
    ("beta.chatkit.sessions.create", r"body\.expires_after\.seconds", "at most 600; elsewhere it is at least 3600"),
    ("beta.realtime.sessions.create", r"body(\.client_secret)?", CONFUSED),
    ("beta.realtime.transcription_sessions.create", r"body\.turn_detection\.type", OLDER),
    ("beta.responses.compact", r"body\.input", AMBIGUOUS),
    ("beta.responses.create", r"body\.input", AMBIGUOUS),
    ("beta.responses.create", r"body\.prompt_cache_options\.ttl", OLDER),
    ("beta.responses.create", r"body\.top_logprobs", NULL),
    ("beta.responses.input_tokens.count", r"body\.input", AMBIGUOUS),
    ("beta.assistants.create", r"body\.tool_resources", RULE),
    ("beta.threads.create", r"body\.tool_resources", RULE),
    ("beta.threads.create_and_run", r"body\.thread\.tool_resources", RULE),
    ("beta.threads.create_and_run", r"body\.(truncation_strategy|tool_choice)", NULL),
    ("beta.threads.runs.create", r"body\.(truncation_strategy|tool_choice)", NULL),
    ("chat.completions.create", r"body\.top_logprobs", NULL),
    ("conversations.items.create", r"body\.items\[\d\]", AMBIGUOUS),
    ("responses.compact", r"body\.input", AMBIGUOUS),
    ("responses.create", r"body\.input", AMBIGUOUS),
    ("responses.create", r"body\.prompt_cache_options\.ttl", OLDER),
    ("responses.create", r"body\.top_logprobs", NULL),
    ("responses.input_tokens.count", r"body\.input", AMBIGUOUS),
    ("skills.create", "body", "the SDK can be called without files, and so can the row: the server says what it lacks"),
    ("skills.versions.create", "body", "as for skills.create"),
    ("uploads.create", r"body\.purpose", OLDER),
    ("vector_stores.file_batches.create", "body", RULE),
    ("vector_stores.update", r"body\.expires_after", NULL),
]
"""Operation, pattern of the place in the request, and the reason why it is correct nevertheless."""


def modern(node: Any) -> Any:
    """Convert OpenAPI 3.0 keywords to JSON Schema: `nullable` and exclusive limits."""
    if isinstance(node, list):
        return [modern(each) for each in node]
    if not isinstance(node, dict):
        return node
    changed = {key: modern(each) for key, each in node.items()}
    for key, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(changed.get(key), bool) and changed.pop(key):
            changed[key] = changed.pop(limit)
    if changed.pop("nullable", False) is True:
        return {"anyOf": [changed, {"type": "null"}]}
    return changed


@cache
def document() -> dict[str, Any]:
    return modern(json.loads(SPECIFICATION.read_text()))


@cache
def registry() -> Any:
    resource = referencing.Resource(document(), referencing.jsonschema.DRAFT202012)
    return referencing.Registry().with_resource(NAME, resource)


@cache
def validator(*path: str) -> Any:
    pointer = "/".join(quote(part.replace("~", "~0").replace("/", "~1")) for part in path)
    return jsonschema.Draft202012Validator({"$ref": f"{NAME}#/{pointer}"}, registry=registry())


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document()
        for part in node["$ref"][2:].split("/"):
            found = found[part]
        node = found
    return node


def place(method: str, path: str) -> tuple[str, str]:
    return method.lower(), re.sub(r"\{\w+\}", "{}", path)


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield the call path of each row, with its method and path in the specification."""
    described = {place(method, path): path for path, item in document()["paths"].items() for method in item}
    for name, row in ROWS.items():
        if (path := described.get(place(row.method, row.path))) is not None:
            yield name, row.method.lower(), path


def request_of(name: str, arguments: dict[str, Any]) -> Request:
    """Return what a call sends that is none of the calls made from the row's types."""
    inner = InMemory()
    function(oai.OpenAI(api_key=KEY, admin_api_key=KEY, base_url=BASE, transport=inner), name)(**arguments)
    (request,) = inner.requests
    return request


def variants(schema: dict[str, Any], depth: int = 0) -> list[dict[str, Any]]:
    """Return a schema and its nested variants."""
    schema = resolved(schema)
    inner = [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ())] if depth < 5 else []
    return [schema, *(more for each in inner for more in variants(each, depth + 1))]


def read_as(text: str, schema: dict[str, Any]) -> Any:
    """Parse a text of a query or a form as a number or a boolean if its schema says so."""
    if {"integer", "number", "boolean"} & {str(each.get("type")) for each in variants(schema)}:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def gathered(pairs: list[tuple[str, str]], properties: dict[str, Any]) -> dict[str, Any]:
    """Unflatten the pairs of a query or a form."""
    found: dict[str, Any] = {}
    for key, text in pairs:
        steps = re.findall(r"[^\[\]]+|\[\]", key)
        target, schema = found, {"properties": properties}
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            schema = part_of(schema, step)
            if following is None:
                value: Any = read_as(text, schema)
            else:
                value = [] if following == "[]" else {}
            if step == "[]":
                target.append(value)  # type: ignore[attr-defined]
            else:
                value = target.setdefault(step, value)
            target = value
    return found


def part_of(schema: dict[str, Any], step: str) -> dict[str, Any]:
    """Return the schema of the items of a list, or of a property, in the variant that has it."""
    for each in variants(schema):
        found = each.get("items") if step == "[]" else each.get("properties", {}).get(step)
        if found is None and step != "[]" and isinstance(each.get("additionalProperties"), dict):
            found = each["additionalProperties"]
        if found is not None:
            return resolved(found)
    return {}


def problems(request: Request, method: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the message of each violation of the specification."""
    operation = document()["paths"][path][method]
    parts = urlsplit(request.url)
    params = {each["name"].removesuffix("[]"): (n, each) for n, each in enumerate(operation.get("parameters", ()))}
    schemas = {key: each.get("schema", {}) for key, (_, each) in params.items()}
    constant = set(parse_qsl(urlsplit(path).query))
    query = gathered([pair for pair in parse_qsl(parts.query) if pair not in constant], schemas)
    for key, (number, each) in params.items():
        if each["in"] == "query" and key in query:
            where = ("paths", path, method, "parameters", str(number), "schema")
            yield from ((f"query.{key}{at}", message) for at, message in judged(validator(*where), query[key]))
        elif each["in"] == "query" and each.get("required"):
            yield f"query.{key}", "is required"
    body = operation.get("requestBody")
    content = body_bytes(request.body)
    if body is None:
        if content:
            yield "body", "there is none"
        return
    kind = dict(request.headers).get("Content-Type", "")
    plain = kind.partition(";")[0]
    if not content and not body.get("required"):
        return
    if plain not in body["content"]:
        yield "body", f"is {plain or 'not there'}, not {' or '.join(body['content'])}"
        return
    value: Any = content.decode()
    if plain == "application/json":
        value = json.loads(content)
    elif plain == "multipart/form-data":
        value = form(kind, content, resolved(body["content"][plain]["schema"]))
    where = ("paths", path, method, "requestBody", "content", plain, "schema")
    yield from ((f"body{at}", message) for at, message in judged(validator(*where), value))


def form(kind: str, content: bytes, schema: dict[str, Any]) -> dict[str, Any]:
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
    pairs, whole = [], {}
    for part in message.get_payload():
        assert not isinstance(part, str)
        name = str(part.get_param("name", header="content-disposition"))
        text = part.get_payload(decode=True).decode()
        if part["content-type"] == "application/json":
            whole[name] = json.loads(text)
        else:
            pairs.append((name, text))
    return {**gathered(pairs, schema.get("properties", {})), **whole}


def judged(judge: Any, value: Any) -> Iterator[tuple[str, str]]:
    for error in judge.iter_errors(value):
        where = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in error.absolute_path)
        yield where, error.message[:200]


def excuses(name: str, where: str) -> list[int]:
    return [n for n, (each, pattern, _) in enumerate(EXCUSED) if name == each and re.fullmatch(pattern, where)]


CASES = [pytest.param(*case, id=case[0]) for case in cases()]


@pytest.mark.parametrize(("name", "method", "path"), CASES)
def test_the_request_matches_the_specification(name: str, method: str, path: str) -> None:
    used: set[int] = set()
    for call in recorded(name)[0]:
        for where, message in problems(call.request, method, path):
            used.update(excuses(name, where))
            assert excuses(name, where), f"{call.mode.name}: {where}: {message}"
    stale = [each for n, each in enumerate(EXCUSED) if each[0] == name and n not in used]
    assert not stale, "excused, and not wrong any more"


def test_every_operation_of_the_specification_is_requested() -> None:
    described = {(method, path) for path, item in document()["paths"].items() for method in item}
    assert {(method, path) for _, method, path in cases()} == described
    assert {name for name, _, _ in EXCUSED} <= {name for name, _, _ in cases()}


@pytest.mark.parametrize(
    ("name", "arguments", "where"),
    [
        ("chat.completions.create", {"model": "m", "messages": []}, "body.messages"),
        ("chat.completions.create", {"model": "m", "messages": [{"role": "user", "content": 3}]}, "body.messages[0]"),
        ("models.delete", {"model": "m", "extra_body": {"a": 1}}, "body"),
        ("files.list", {"limit": "many"}, "query.limit"),
        ("images.edit", {"prompt": "p", "image": b"i", "n": 11}, "body.n"),
        ("admin.organization.usage.costs", {"start_time": 1, "extra_query": {"start_time": None}}, "query.start_time"),
    ],
)
def test_an_invalid_request_is_reported(name: str, arguments: dict[str, Any], where: str) -> None:
    row = ROWS[name]
    described = {place(method, path): (method, path) for _, method, path in cases()}
    method, path = described[place(row.method, row.path)]
    assert where in {each for each, _ in problems(request_of(name, arguments), method, path)}
