"""The stubs agree with the clients, and two type checkers accept and reject what they should.

The checkers run once each, over the files of `tests/typing` and a program with a user's table. If one is not installed,
its tests are skipped with a message; in CI they fail.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paths import ROOT, TESTS

import oai
from oai._client.base import Client
from oai._errors import TableError
from oai._realtime.senders import connection_class
from oai._request.config import OPTIONS
from oai._stubs.files import shipped_stubs, stubs_for
from oai._table.load import shipped_table
from oai._table.websocket_row import WebSocketRow

TYPED = ROOT / "oai" / "_typed"
CHECKED = TESTS / "typing"

USER_TABLE = """
[rerank]
doc      = "Sort documents by how well they\\n\\"answer\\"."
method   = "POST"
path     = "/rerank"
body     = "json"
response = "my_types.Rerank"
params   = { query = "str", documents = "list[str]", top_n = "int?" }

[chat.completions.tokenize]
method   = "POST"
path     = "/tokenize"
body     = "json"
response = "list[int]"
stream   = "dict"
alias    = ["tokenize"]

[chat.completions.cancel]
method   = "POST"
path     = "/chat/completions/{completion_id}/cancel"
body     = "json"
response = "None"
stream   = "my_types.Rerank"
params   = { reason = "Literal['late', 'wrong']?", list = "list?" }

[files.delete]
method   = "DELETE"
path     = "/files/{file_id}/{version}"
body     = "query"
response = "bytes"
params   = {}

[property.houses.list]
method   = "GET"
path     = "/houses"
body     = "query"
response = "CursorPage[my_types.Rerank]"
alias    = ["houses"]
params   = { after = "str?", rooms = "list[int]?" }

[property.houses.dict]
method     = "GET"
path       = "/houses/dict"
body       = "query"
response   = "dict[str, list[str]]"
deprecated = "use list"

[property.talk.connect]
doc       = "Talk."
websocket = "/talk/{room}"
events    = "my_types.Rerank | dict[str, int]"
args      = ["room"]

[property.talk.connect.sends]
"list.add" = { list = "list[str]", str = "str?" }
wave       = {}
"""

USER_PROGRAM = """
# pyright: strict, reportDeprecated=false
from typing import Any, assert_type

import my_types
import oai
from my_api import AsyncOpenAI, OpenAI
from oai import types

client = OpenAI(table="my.toml")
assert_type(client.rerank(query="a", documents=["b"]), my_types.Rerank)
assert_type(client.chat.completions.tokenize(text="a"), list[int])
assert_type(client.tokenize(text="a", stream=True), oai.Stream[dict[str, Any]])
assert_type(client.chat.completions.cancel("a", reason="late", stream=True), oai.Stream[my_types.Rerank])
assert_type(client.chat.completions.retrieve("a"), types.chat.ChatCompletion)
assert_type(client.files.delete("v1", file_id="f"), oai.BinaryResponse)
assert_type(client.files.list(), oai.CursorPage[types.FileObject])
assert_type(client.houses(), oai.CursorPage[my_types.Rerank])
assert_type(client.property.houses.list(rooms=[3]).data[0].score, float)
assert_type(client.property.houses.dict(), dict[str, list[str]])
with client.property.talk.connect("kitchen", max_queue_size=1) as connection:
    assert_type(connection.list.add(list=["a"]), None)
    assert_type(connection.wave(), None)
    assert_type(connection.recv(), my_types.Rerank | dict[str, int])
    connection.wave(hand="left")  # wrong
    connection.list.add(str="a")  # wrong
base: oai.OpenAI = client
client.rerank(query="a")  # wrong
client.rerank(query="a", documents="b")  # wrong
client.chat.completions.cancel("a", reason="early")  # wrong
client.files.delete("f")  # wrong


async def awaited() -> None:
    caller = AsyncOpenAI(table="my.toml")
    assert_type(await caller.rerank(query="a", documents=[]), my_types.Rerank)
    async for house in caller.property.houses.list():
        assert_type(house, my_types.Rerank)
    async with caller.property.talk.connect("kitchen") as connection:
        assert_type(await connection.list.add(list=["a"], str="b"), None)
"""

USER_TYPES = """
from oai import Object


class Rerank(Object):
    score: float
"""


NOT_IN_A_BATCH = {"stream", "extra_headers", "extra_query", "timeout"}


def functions(path: Path, name: str) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Return the methods of a class in a stub file by name, each with its overloads."""
    found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
    for statement in class_in(path, name).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault(statement.name, []).append(statement)
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def class_in(path: Path, name: str) -> ast.ClassDef:
    return next(each for each in parsed(path).body if isinstance(each, ast.ClassDef) and each.name == name)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, str, bool]]:
    """Return the name, the kind and whether it is required of each parameter except `self`."""
    arguments = function.args
    found = [(each.arg, "positional", True) for each in arguments.args[1:]]
    found += [
        (each.arg, "keyword", default is None)
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return found + ([(arguments.kwarg.arg, "any", False)] if arguments.kwarg else [])


def real_parameters(function: Any) -> list[tuple[str, str, bool]]:
    kinds = {
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
        inspect.Parameter.KEYWORD_ONLY: "keyword",
        inspect.Parameter.VAR_KEYWORD: "any",
    }
    return [
        (each.name, kinds[each.kind], each.default is each.empty and each.kind is not each.VAR_KEYWORD)
        for each in inspect.signature(function).parameters.values()
    ]


def returned(path: str, client: str) -> tuple[Path, str]:
    """Return the stub file and the class that has a call path."""
    namespace = path.rpartition(".")[0]
    if not namespace:
        return TYPED / "__init__.pyi", client
    words = "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", namespace))
    return TYPED / f"{path.partition('.')[0]}.pyi", client.removesuffix("OpenAI") + words


def test_stubs_on_disk_are_up_to_date() -> None:
    assert {path.name: path.read_text() for path in TYPED.iterdir()} == shipped_stubs(), (
        "run `python -m tools.generate stubs`"
    )


@pytest.mark.parametrize("client", [oai.OpenAI, oai.AsyncOpenAI])
def test_stub_parameters_equal_those_of_the_functions(client: type) -> None:
    instance = client(transport=oai.OfflineTransport())
    for path, row in shipped_table().items():
        real: Any = instance
        for part in path.split("."):
            real = getattr(real, part)
        choosing = {"stream", *row.response_by}  # which some overloads require
        stub = functions(*returned(path, client.__name__))[path.rpartition(".")[2]]
        for overload in stub:
            expected = real_parameters(real)
            shown = parameters(overload)
            assert [name for name, _, _ in shown] == [name for name, _, _ in expected], path
            if len(stub) > 1:
                expected = [each for each in expected if each[0] not in choosing]
                shown = [each for each in shown if each[0] not in choosing]
            assert shown == expected, path
        awaits = [isinstance(each, ast.AsyncFunctionDef) for each in stub]
        assert awaits == [inspect.iscoroutinefunction(real)] * len(stub), path


@pytest.mark.parametrize(("client", "base"), [(oai.OpenAI, oai.Connection), (oai.AsyncOpenAI, oai.AsyncConnection)])
def test_stub_parameters_of_websockets_and_events_equal_those_of_the_functions(client: type, base: Any) -> None:
    instance = client(api_key="none")
    for path, socket in shipped_table().helpers.items():
        if not isinstance(socket, WebSocketRow):
            continue
        (connect,) = functions(*returned(path, client.__name__))["connect"]
        assert parameters(connect) == real_parameters(attrgetter(path)(instance))
        cls = connection_class(base, path, socket, is_async=base is oai.AsyncConnection)
        connection = cls.__new__(cls)
        file, owner = returned(path, client.__name__)
        for event in socket.sends:
            words = "".join(word.title() for word in re.split(r"[._]", event.rpartition(".")[0]))
            (sends,) = functions(file, f"{owner}Connection{words}")[event.rpartition(".")[2]]
            assert parameters(sends) == real_parameters(attrgetter(event)(connection)), (path, event)
            assert isinstance(sends, ast.AsyncFunctionDef) == inspect.iscoroutinefunction(attrgetter(event)(connection))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("client", [oai.OpenAI, oai.AsyncOpenAI])
def test_batch_stub_has_the_operations_that_a_batch_accepts(client: type) -> None:
    stub = TYPED / "_batch.pyi"
    classes = {each.name for each in parsed(stub).body if isinstance(each, ast.ClassDef)}
    queue = client(transport=oai.OfflineTransport()).batch()
    taken = 0
    for path, row in shipped_table().items():
        namespace, _, name = path.rpartition(".")
        owner = "Batch" + "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", namespace))
        shown = functions(stub, owner).get(name) if owner in classes else None
        arguments = {each: "x" for each, kind in (row.params or {}).items() if not kind.endswith("?")}
        try:
            attrgetter(path)(queue)(**dict.fromkeys(row.path_params, "x"), **arguments)
        except oai.OpenAIError as error:
            if "cannot be in a batch" in str(error):
                assert shown is None, path
                continue
        except AttributeError:
            assert (shown, namespace) == (None, "batches")  # in a batch these are the batches that were submitted
            continue
        except OSError:
            assert row.files, path  # a file that is not there
        assert shown is not None, path
        taken += 1
        real = [each for each in real_parameters(attrgetter(path)(queue)) if each[0] not in NOT_IN_A_BATCH]
        assert all(parameters(each) == real for each in shown), path
    assert taken > 5
    queue._close()


@pytest.mark.parametrize("client", [oai.OpenAI, oai.AsyncOpenAI])
def test_every_alias_is_a_method_or_a_callable_namespace(client: type) -> None:
    instance = client(transport=oai.OfflineTransport())
    flat = functions(TYPED / "__init__.pyi", client.__name__)
    for alias, forms in shipped_table().aliases.items():
        namespace = f"{client.__name__.removesuffix('OpenAI')}{alias.title()}"
        path = TYPED / f"{alias}.pyi"
        stub = functions(path, namespace)["__call__"] if path.exists() else flat[alias]
        shown = {name for overload in stub for name, _, _ in parameters(overload)} - {"params"}
        real = {name for name, _, _ in real_parameters(getattr(instance, alias))} - {"params"}
        assert shown == real, alias
        assert len(stub) >= len(forms), alias


def test_stubs_of_options_and_requests_equal_the_signatures() -> None:
    typing = ROOT / "oai" / "_typing.pyi"

    def fields(name: str) -> set[str]:
        return {ast.unparse(each.target) for each in class_in(typing, name).body if isinstance(each, ast.AnnAssign)}

    declared = {
        ast.unparse(each.target): ast.unparse(each.annotation)
        for each in class_in(TYPED / "_options.pyi", "Options").body
        if isinstance(each, ast.AnnAssign)
    }
    assert set(declared) == {*OPTIONS, "data_residency"}  # which is a base_url by another name
    constructor = set(inspect.signature(Client.__init__).parameters) - {"self"}
    assert constructor == {*OPTIONS, "data_residency", "transport", "http_client", "table"}
    request = set(inspect.signature(Client.request).parameters) - {"self", "method", "path"}
    assert request == fields("Content") | {"cast_to", "stream", "stream_cls"}


def test_unknown_type_error_names_row_key_and_suggestion(tmp_path: Path) -> None:
    row = '[tokens.count]\nmethod = "GET"\npath = "/x"\nbody = "query"\nresponse = "chat.ChatCompletionn"\n'
    (tmp_path / "my.toml").write_text(row)
    with pytest.raises(TableError, match=r"\[tokens.count\]: `response`.*'ChatCompletionn'.*'ChatCompletion'"):
        stubs_for([tmp_path / "my.toml"])


def test_generated_module_exports_the_real_clients_at_run_time(user: Path) -> None:
    code = "import my_api, oai; assert (my_api.OpenAI, my_api.AsyncOpenAI) == (oai.OpenAI, oai.AsyncOpenAI)"
    subprocess.run([sys.executable, "-c", code], cwd=user, env=environment(), check=True)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a user's table, its stubs, and a program that uses them."""
    directory = tmp_path_factory.mktemp("user")
    (directory / "my.toml").write_text(USER_TABLE)
    (directory / "my_types.py").write_text(USER_TYPES)
    (directory / "my_api.py").write_text(stubs_for([directory / "my.toml"]))
    (directory / "program.py").write_text(USER_PROGRAM)
    return directory


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def errors(request: pytest.FixtureRequest, user: Path) -> Any:
    """The errors of a checker in strict mode: messages by file name and line."""
    name = request.param
    if importlib.util.find_spec(name) is None:
        message = f"{name} is not installed: pip install -e '.[check]'"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    files = [str(path) for path in (*sorted(CHECKED.glob("*.py")), *sorted(user.glob("*.py")))]
    stubs = [str(ROOT / "oai" / "_typing.pyi"), *map(str, sorted(TYPED.iterdir()))]
    found: dict[str, dict[int, list[str]]] = {}
    for file, line, message in {"mypy": run_mypy, "pyright": run_pyright}[name](files + stubs, user):
        found.setdefault(Path(file).name, {}).setdefault(line, []).append(message)
    return SimpleNamespace(found=found)


def environment(user: Path | None = None) -> dict[str, str]:
    paths = [str(ROOT), *([str(user)] if user else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "MYPYPATH": os.pathsep.join(paths)}


def run_mypy(files: list[str], user: Path) -> Iterator[tuple[str, int, str]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version=3.11", "--output=json"]
    command += [f"--config-file={os.devnull}", f"--cache-dir={user / 'cache'}", *files]
    done = subprocess.run(command, cwd=user, env=environment(user), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        if entry["severity"] == "error":
            yield entry["file"], entry["line"], entry["message"]


def run_pyright(files: list[str], user: Path) -> Iterator[tuple[str, int, str]]:
    (user / "pyrightconfig.json").write_text(
        json.dumps({"include": [], "extraPaths": [str(ROOT)], "pythonVersion": "3.11", "typeCheckingMode": "strict"})
    )
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *files]
    done = subprocess.run(command, cwd=user, env=environment(user), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    for entry in json.loads(done.stdout)["generalDiagnostics"]:
        if entry["severity"] == "error":
            yield entry["file"], entry["range"]["start"]["line"] + 1, entry["message"]


@pytest.mark.parametrize("name", ["mistakes.py", "program.py"])
def test_each_wrong_call_is_reported_and_nothing_else(errors: Any, user: Path, name: str) -> None:
    path = next(path for path in (CHECKED / name, user / name) if path.exists())
    wrong = {place for place, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert len(wrong) > 3
    found = errors.found.get(name, {})
    assert set(found) == wrong, {line: found.get(line, "not reported") for line in wrong ^ set(found)}


def test_common_calls_have_the_expected_types(errors: Any) -> None:
    assert errors.found.get("everyday.py", {}) == {}


def test_stubs_have_no_type_errors(errors: Any) -> None:
    others = {name: lines for name, lines in errors.found.items() if name not in ("mistakes.py", "program.py")}
    assert others == {}


def test_hostile_file_names_and_docs_do_not_become_code(tmp_path: Path) -> None:
    row = '[thing]\ndoc = "a\\u0000b \\"\\"\\" \\\\ \\r\\n x"\nmethod = "GET"\npath = "/x"\nbody = "query"\nresponse = "str"\n'
    for name in ('a"""\nprint(1)\n"""b.toml', "a\rprint(2).toml", "{x}.toml"):
        path = tmp_path / name
        path.write_text(row)
        tree = ast.parse(stubs_for([path]))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Call) and "print" in ast.unparse(node)]
