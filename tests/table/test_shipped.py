"""Lint the shipped table: its rules, its types, and what loading it costs."""

from __future__ import annotations

import importlib
import inspect
import json
import keyword
import pkgutil
import subprocess
import sys
from collections import Counter
from typing import Any, Required, get_args, get_origin, get_type_hints

import msgspec
import pytest
from typed import all_structs

import oai.types
from oai._json import pages as _pages
from oai._json.unions import untagged_variants
from oai._support.typed_dict import is_typed_dict
from oai._table.load import shipped_table
from oai._table.operation import Operation
from oai._table.rows import Row
from oai._table.type_expressions import PAGES, find, resolve

ROWS = list(shipped_table().items())


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_row_resolves_and_is_documented(name: str, row: Row) -> None:
    operation = Operation(name, row)
    params = row.params
    for param, expression in (params or {}).items():
        resolve(expression.removesuffix("?"))
        assert not keyword.iskeyword(param)
    assert operation.response_type is not Any, "an answer of the API has a type"
    assert operation.stream_type is not None
    for param, answers in row.response_by.items():
        assert answers.keys() <= set(get_args(resolve((params or {})[param].removesuffix("?"))))
        assert all(resolve(answer) is not Any for answer in answers.values())
    outer = row.response.partition("[")[0]
    if outer in PAGES and getattr(_pages, outer).parameter and params is not None:
        assert getattr(_pages, outer).parameter in params, "the parameter that asks for the next page is missing"
    for param in row.files:
        assert params is None or "File" in params[param]
    for param, expression in (params or {}).items():
        assert "File" not in expression.split() or param in row.files, f"{param} is a file that `files` does not list"
    assert row.doc
    assert row.doc[0].isupper()
    assert row.doc.endswith(".")
    assert "\n" not in row.doc
    assert row.stream is not None or not row.end


@pytest.mark.parametrize("name", shipped_table().helpers)
def test_helper_resolves_and_is_documented(name: str) -> None:
    table = shipped_table()
    helper = table.helpers[name]
    target = find(helper.helper, "oai.helpers")
    accepted = inspect.signature(target).parameters.values()
    named = {each.name for each in accepted if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)}
    params = helper.merged(table)
    assert any(each.kind is each.VAR_KEYWORD for each in accepted) or params.keys() <= named
    for expression in (*(kind.removesuffix("?") for kind in params.values()), helper.response, helper.async_response):
        resolve(expression or "Any")
    assert helper.doc
    assert helper.doc[0].isupper()
    assert helper.doc.endswith(".")


def test_call_paths_are_unique() -> None:
    names = [name for name, _ in ROWS]
    assert len(set(names)) == len(names)
    spaces = {name.rpartition(".")[0] for name in names}
    assert not spaces & set(names), "a call path is a namespace, too"
    same = {}
    for name, row in ROWS:
        same.setdefault((row.method, row.path), []).append(name)
    twice = {names[0].rpartition(".")[2]: names for names in same.values() if len(names) > 1}
    # The SDK has some operations under a second name, and one path is completed by what the body contains.
    assert all(len(names) <= 3 for names in twice.values())


def test_docs_of_operations_are_unique() -> None:
    docs = Counter(row.doc for _, row in ROWS)
    assert [doc for doc, times in docs.items() if times > 1] == []
    assert max(map(len, docs)) < 100


def test_constant_headers_are_known() -> None:
    known = {
        ("OpenAI-Beta", "assistants=v1"),
        ("OpenAI-Beta", "assistants=v2"),
        ("OpenAI-Beta", "agents=v1"),
        ("OpenAI-Beta", "chatkit_beta=v1"),
    }
    found = {pair for _, row in ROWS for pair in row.headers.items() if pair[0] != "Accept"}
    assert found <= known, found - known


def test_admin_operations_take_the_admin_key() -> None:
    for name, row in ROWS:
        if name.startswith("admin.organization."):
            assert row.auth == "admin", name


def test_every_name_of_every_package_of_types_can_be_imported() -> None:
    count = 0
    for info in pkgutil.walk_packages(oai.types.__path__, "oai.types."):
        module = importlib.import_module(info.name)
        if info.ispkg:
            for name in dir(module):
                getattr(module, name)
                count += 1
    assert count > 3000


def type_key(kind: Any) -> Any:
    """Return a key by which equal types compare equal."""
    inner = untagged_variants(kind) or get_args(kind)
    return (repr(get_origin(kind)), *map(type_key, inner)) if inner else repr(kind)


def test_no_module_has_two_structs_of_the_same_shape() -> None:
    """Nor does it repeat a struct of a module that it imports."""
    shapes: dict[Any, list[type]] = {}
    for struct in all_structs():
        config = struct.__struct_config__
        fields = tuple(
            (each.encode_name, type_key(each.type), each.required) for each in msgspec.structs.fields(struct)
        )
        tag = config.tag_field, config.tag, repr(struct.__annotations__.get(config.tag_field or ""))
        if (fields or config.tag is not None) and struct.__module__ != "oai.types.legacy":
            shapes.setdefault((tag, fields), []).append(struct)
    imported = {
        name: {each.__module__ for each in vars(sys.modules[name]).values() if isinstance(each, type)}
        for name in {struct.__module__ for struct in all_structs()}
    }
    for group in shapes.values():
        for one in group:
            twins = [each for each in group if each is not one and each.__module__ in imported[one.__module__]]
            assert not twins, f"{one} is {twins}"


LOADED = "import sys, json; print(json.dumps(sorted(m for m in sys.modules if m.startswith('oai.types.'))))"


def loaded_after(code: str) -> list[str]:
    """Return the type modules that a new process has loaded after running some code."""
    shown = subprocess.run([sys.executable, "-c", f"{code}\n{LOADED}"], check=True, capture_output=True, text=True)
    found: list[str] = json.loads(shown.stdout.splitlines()[-1])
    return [name for name in found if name.rpartition(".")[2].endswith(("structs", "params"))]


def test_constructing_a_client_loads_no_types() -> None:
    code = "import oai; client = oai.OpenAI(transport=oai.OfflineTransport()); client.embeddings.create; client.beta.threads"
    assert loaded_after(code) == []


@pytest.mark.parametrize(
    ("call", "areas"),
    [
        ("embeddings.create(model='m', input='x')", ["embeddings"]),
        ("files.retrieve('f')", ["files"]),
        ("chat.completions.create(model='m', messages=[])", ["chat", "completions", "shared.function"]),
        ("responses.create(model='m', input='x')", ["responses.common", "responses", "shared"]),
        ("beta.responses.create(model='m', input='x')", ["beta.responses", "responses.common", "shared"]),
        ("beta.agents.retrieve('a')", ["beta.agents"]),
    ],
)
def test_first_call_of_an_area_loads_only_its_types(call: str, areas: list[str]) -> None:
    code = f"import oai; oai.OpenAI(transport=oai.OfflineTransport()).{call}"
    loaded = [name.removeprefix("oai.types.").replace("_structs", ".structs") for name in loaded_after(code)]
    assert loaded == [f"{area}.structs" for area in areas]


def test_type_hints_of_all_parameters_resolve_at_run_time() -> None:
    """For libraries that validate or build arguments at run time, including required keys."""
    count = 0
    for info in pkgutil.walk_packages(oai.types.__path__, "oai.types."):
        if info.name.endswith("params"):
            module = importlib.import_module(info.name)
            for kind in vars(module).values():
                if is_typed_dict(kind):
                    hints = get_type_hints(kind, include_extras=True)
                    assert hints.keys() == kind.__required_keys__ | kind.__optional_keys__
                    assert {
                        key for key, hint in hints.items() if get_origin(hint) is Required
                    } == kind.__required_keys__
                    assert not any(isinstance(each, str) for each in get_type_hints(kind).values())
                    count += 1
    assert count > 800
    assert oai.types.chat.ChatCompletionUserMessageParam.__required_keys__ == {"content", "role"}


def test_parameter_types_do_not_load_structs() -> None:
    everything = "import importlib, pkgutil, oai.types\n"
    everything += "for each in pkgutil.walk_packages(oai.types.__path__, 'oai.types.'):\n"
    everything += "    if each.name.endswith('params'): importlib.import_module(each.name)"
    assert [name for name in loaded_after(everything) if name.endswith("structs")] == []
