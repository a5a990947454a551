"""Tables of endpoints: rows of users, merging, the compiled table, and errors of invalid rows."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import oai
from oai._table.load import SHIPPED, shipped_table
from oai.testing import Answer, Loopback

GOOD = {"method": '"POST"', "path": '"/rerank"', "body": '"json"', "response": '"Any"'}


def row(name: str = "rerank", **keys: str) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in {**GOOD, **keys}.items() if value)


BAD = [
    pytest.param(
        row(metod='"POST"'), ["[rerank]", "`metod` is not a valid key", "did you mean `method`?"], id="unknown key"
    ),
    pytest.param(row(path=""), ["[rerank]", "`path` is missing"], id="missing key"),
    pytest.param(
        row(response='"my_package.types:Thing"'),
        ["is 'my_package.types:Thing', which is not a type expression; did you mean 'my_package.types.Thing'?"],
        id="type as an entry point",
    ),
    pytest.param(row(method='"POTS"'), ["`method` is 'POTS'", "did you mean `POST`?"], id="unknown method"),
    pytest.param(row(method='"post"'), ["`method` is 'post'", "did you mean `POST`?"], id="method in lower case"),
    pytest.param(row(body='"jsn"'), ["`body` is 'jsn'", "did you mean `json`?"], id="unknown body"),
    pytest.param(row(path='"rerank"'), ["`path` must begin with a slash"], id="path without slash"),
    pytest.param(row(path='"/a/{b/c"'), ["`path` must be a path template"], id="open brace"),
    pytest.param(row(path='"/a/{b}/{b}"'), ["`path` has the same placeholder twice"], id="placeholder twice"),
    pytest.param(row(path='"/a/{class}"'), ["{class}", "not a valid parameter name"], id="keyword in the path"),
    pytest.param(row(response='"list[str"'), ["`response` is 'list[str', which is not a type"], id="type syntax"),
    pytest.param(row(response='"print(1)"'), ["`response`", "not allowed in a type expression"], id="call in a type"),
    pytest.param(row(params='{ a = "str", "b-c" = "str" }'), ["`params.b-c`", "rename"], id="parameter's name"),
    pytest.param(row(params='{ timeout = "str" }'), ["`params.timeout` is already used"], id="reserved name"),
    pytest.param(
        row(path='"/a/{b}"', params='{ b = "str" }'), ["`params.b` is already used"], id="path parameter again"
    ),
    pytest.param(
        row(params='{ image = "File" }', body='"multipart"', files='["imgae"]'),
        ["`files` names 'imgae'", "did you mean `image`?"],
        id="file that is no parameter",
    ),
    pytest.param(row(files='["a"]', params='{ a = "File" }'), ["`files` needs body"], id="files in JSON"),
    pytest.param(row(defaults="{ b = 1 }", params='{ a = "str" }'), ["`defaults` names 'b'"], id="default of nothing"),
    pytest.param(
        row(response_by='{ b = { x = "str" } }', params='{ a = "str" }'),
        ["`response_by` names 'b'"],
        id="an answer chosen by nothing",
    ),
    pytest.param(row(response_by='{ a = { x = "1 +" } }'), ["`response_by.a.x` is '1 +'"], id="an answer of no type"),
    pytest.param(row(vectors='"a.b"'), ["`vectors` needs `defaults`"], id="vectors that nobody asks for"),
    pytest.param(row(vectors='"a"', defaults="{ a = 1 }"), ["`vectors` is 'a'", "data.embedding"], id="vectors where"),
    pytest.param(row(alias='["not a name"]'), ["`alias` has 'not a name'"], id="alias that is no name"),
    pytest.param(row(alias='["r(x)"]', params="{}"), ["`alias` names 'x'"], id="alias of unknown parameter"),
    pytest.param(row(deprecated="true"), ["`deprecated` expected `str | null`"], id="wrong type"),
    pytest.param(row("a.class"), ["[a.class]", "'class' is not a public Python name"], id="keyword in the header"),
    pytest.param(row("models.list.more"), ["[models.list.more]", "is below [models.list]"], id="below a row"),
    pytest.param(row(alias='["chat_completion"]'), ["has 'chat_completion'", "also an alias of"], id="alias taken"),
    pytest.param(row("request.it"), ["`request` would hide `OpenAI.request`"], id="hides a method"),
    pytest.param(row("a.with_raw_response"), ["[a.with_raw_response]", "every namespace has"], id="hides a view"),
    pytest.param(row(path='"/caf\u00e9"'), ["`path`", "in ASCII"], id="path beyond ASCII"),
    pytest.param(row(path='"/a\\r\\nb"'), ["`path`", "in ASCII"], id="path with a line break"),
    pytest.param(row(args='["a", "a"]', params='{ a = "str" }'), ["`args` names a parameter twice"], id="args twice"),
    pytest.param(row(alias='["r(a a)"]', params='{ a = "str" }'), ["`alias`", "twice"], id="alias with one twice"),
    pytest.param(
        row(params='{ a = "str", b = "str" }', rename='{ a = "b" }'),
        ["`rename` has two parameters sent as 'b'"],
        id="two parameters of one name",
    ),
    pytest.param(row(args="""["x=print('RAN'), y"]"""), ["`args` names", "not a parameter"], id="code in args"),
    pytest.param(row(args='["x"]'), ["`args` names 'x'", "not a parameter"], id="args without params"),
    pytest.param(row(header_params='{ "x): pass #" = "X" }'), ["`header_params` names"], id="code in header_params"),
    pytest.param(row(alias='["f(x=print(1))"]'), ["`alias` has"], id="code in alias"),
    pytest.param(row(alias='["f(x)"]'), ["`alias` names 'x'"], id="alias without params"),
    pytest.param(row(alias='["\ufb01le"]'), ["`alias` has '\ufb01le'"], id="alias that Python normalizes"),
    pytest.param(row(query='["x"]'), ["`query` names 'x'"], id="query without params"),
    pytest.param(row(rename='{ x = "y" }'), ["`rename` names 'x'"], id="rename without params"),
    pytest.param(row(params='{ "\ufb01le" = "str" }'), ["`params.\ufb01le`", "public"], id="ligature"),
    pytest.param(
        row(params='{ "\U0001d41c\U0001d425\U0001d41a\U0001d42c\U0001d42c" = "str" }'), ["public"], id="bold class"
    ),
    pytest.param(row(path='"/a/{\ufb01}"'), ["`path`"], id="placeholder that Python normalizes"),
    pytest.param(row(bind='"a.b"', local="""{ "x=print(1)" = "int?" }"""), ["`local.x=print(1)`"], id="code in local"),
    pytest.param(row("a.\ufb01le".replace("\ufb01le", '"\ufb01le"')), ["not a public Python name"], id="header"),
    pytest.param(
        row(params='{ a = "str" }', body='"multipart"', rename='{ "a.b_" = "b" }'),
        ["`rename` needs body"],
        id="nested form",
    ),
    pytest.param(row(params='{ a = "str" }', rename='{ "c.b_" = "b" }'), ["`rename` names 'c'"], id="nested unknown"),
    pytest.param(row(response='"' + "list[" * 180 + "str" + "]" * 180 + '"'), ["nested too deeply"], id="deep type"),
    pytest.param(row(response='"' + " | ".join(["str"] * 5000) + '"'), ["nested too deeply"], id="endless union"),
    pytest.param("x = " + "[" * 5000, ["nested too deeply"], id="deep array"),
    pytest.param("[" + ".".join("a" * 2000) + "]\nmethod = 1", ["nested too deeply"], id="deep header"),
    pytest.param("[a]\n[b.c]\n", ["[a]", "`method` is missing"], id="nothing but a header"),
    pytest.param('method = "GET"', ["(top level)", "`method` is outside any row"], id="key outside"),
    pytest.param("[a\n", ["not valid TOML"], id="not TOML"),
]


@pytest.mark.parametrize(("text", "parts"), BAD)
def test_invalid_row_error_names_file_key_and_suggestion(text: str, parts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(oai.TableError) as caught:
        oai.OpenAI(api_key="k", table=path)
    message = str(caught.value)
    for part in parts:
        assert part in message
    assert "\n" not in message
    if "would hide" not in message:
        assert str(path) in message


def test_missing_table_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(oai.TableError, match=r"nowhere\.toml: the table of endpoints cannot be read"):
        oai.OpenAI(api_key="k", table=tmp_path / "nowhere.toml")


class Rerank(msgspec.Struct):
    """A user's struct, named by its module path."""

    order: list[int]


def test_minimal_row_adds_an_endpoint_that_returns_the_users_struct(server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'[rerank]\nmethod = "POST"\npath = "/rerank"\nbody = "json"\nresponse = "{__name__}.Rerank"\n')
    with oai.OpenAI(api_key="k", base_url=f"{server.url}/v1", table=path) as client:
        server.reply(json={"order": [2, 0, 1], "more": 1})
        assert client.rerank(query="q", documents=["a", "b", "c"]) == Rerank([2, 0, 1])
        assert client.models.list is not None
    assert server.requests[0].json() == {"query": "q", "documents": ["a", "b", "c"]}
    assert not hasattr(oai.OpenAI, "rerank")


def test_table_from_the_environment(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "one.toml", tmp_path / "two.toml"
    first.write_text(row("one"))
    second.write_text(row("two", path='"/two/{id}"', params="{}"))
    monkeypatch.setenv("OAI_TABLE", f"{first}{os.pathsep}{second}")
    with oai.OpenAI(api_key="k", base_url=server.url) as client:
        server.reply(json=1)
        server.reply(json=2)
        assert (client.one(), client.two("x")) == (1, 2)
    assert [seen.path for seen in server.requests] == ["/rerank", "/two/x"]


def test_user_row_replaces_a_shipped_one(server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(row("models.list", method='"GET"', path='"/v2/models"', body='"query"', response='"list[str]"'))
    with oai.OpenAI(api_key="k", base_url=server.url, table=path) as client:
        server.reply(json=["a", "b"])
        assert client.models.list() == ["a", "b"]
    assert server.requests[0].path == "/v2/models"


def test_table_argument_accepts_a_table_object(server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(row("thing.make"))
    with oai.OpenAI(api_key="k", base_url=server.url, table=oai.load_table(path)) as client:
        server.reply(json={"made": True})
        assert client.thing.make(size=1) == {"made": True}


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ('"chat.ChatCompletoin"', r"\[thing\.make\]: `response` is 'chat\.ChatCompletoin'.*did you mean 'ChatComple"),
        (
            '"no_such_package.Thing"',
            r"\[thing\.make\]: `response`.*there is no module 'no_such_package'.*'oai\.types' has no 'no_such_package'",
        ),
        ('"Thing"', r"'oai\.types' has no 'Thing'; one of your own needs its module, as in my_package\.Thing"),
        ('"json.no_such_module.Thing"', r"\[thing\.make\]: `response`.*'json' has no 'no_such_module'"),
        ('"list[str, int]"', r"\[thing\.make\]: `response` is 'list\[str, int\]'.*not supported"),
        ('"Literal"', r"\[thing\.make\]: `response` is 'Literal'.*not supported"),
        ('"os.getcwd"', r"\[thing\.make\]: `response` is 'os\.getcwd'.*not supported"),
    ],
)
def test_unknown_type_raises_at_the_first_call_before_sending(
    response: str, message: str, tmp_path: Path, play: Callable[..., Any], server: Loopback
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(row("thing.make", response=response) + row("thing.tell", response='"Any"', stream=response))

    def make(client: Any) -> Any:
        yield client.thing.make()

    def tell(client: Any) -> Any:
        yield client.thing.tell(stream=True)

    for scenario, expected in ((make, message), (tell, message.replace("make", "tell").replace("response", "stream"))):
        with pytest.raises(oai.TableError, match=expected):
            play(scenario, table=path)
    assert server.requests == []


def test_table_with_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(b"\xef\xbb\xbf" + row("one").replace("\n", "\r\n").encode())
    assert list(oai.load_table(path)) == ["one"]


def test_replacement_of_an_extended_operation_may_lack_parameters(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(row("files.create", params='{ purpose = "str" }'))
    client: Any = oai.OpenAI(api_key="k", table=path)
    assert "file" not in inspect.signature(client.files.create).parameters


def test_same_wire_name_is_allowed_in_query_and_body(server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    params = '{ model = "str", model_ = "str" }'
    path.write_text(row(params=params, query='["model_"]', rename='{ model_ = "model" }'))
    client: Any = oai.OpenAI(api_key="k", base_url=server.url, table=path)
    server.reply(json={})
    client.rerank(model="a", model_="b")
    assert (server.requests[0].target, server.requests[0].json()) == ("/rerank?model=b", {"model": "a"})
    client.close()


def test_new_clients_see_an_edited_table(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(row("one"))
    assert hasattr(oai.OpenAI(api_key="k", table=path), "one")
    path.write_text(row("two"))
    os.utime(path, ns=(1, 1))
    client = oai.OpenAI(api_key="k", table=path)
    assert hasattr(client, "two")
    assert not hasattr(client, "one")


def test_tables_with_the_same_name_and_time_are_distinguished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):  # as archives and reproducible builds unpack them
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        Path("own.toml").write_text(row(name))
        os.utime("own.toml", ns=(1, 1))
        assert hasattr(oai.OpenAI(api_key="k", table="own.toml"), name)
    Path("own.toml").write_text(row("three"))
    os.utime("own.toml", ns=(1, 1))
    assert hasattr(oai.OpenAI(api_key="k", table="own.toml"), "three")


COPY = """
import sys, shutil, os
from oai._table.load import shipped_table
sys.dont_write_bytecode = False
path = sys.argv[1]
print(len(shipped_table(path)), shipped_table(path)["models.list"].path, "oai._table.read" in sys.modules)
"""


def run_copy(path: Path) -> list[str]:
    command = [sys.executable, "-c", COPY, str(path)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "XDG_CACHE_HOME": str(path.parent / "cache")}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split()


def test_shipped_table_is_compiled_once_and_after_an_edit(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.toml"
    text = Path(SHIPPED).read_text()
    path.write_text(text)
    count = str(len(shipped_table()))
    assert run_copy(path) == [count, "/models", "True"]
    assert run_copy(path) == [count, "/models", "False"]
    (compiled,) = (tmp_path / "__pycache__").iterdir()
    path.write_text(text.replace('path     = "/models"', 'path     = "/modules"', 1))
    assert run_copy(path) == [count, "/modules", "True"]
    compiled.write_bytes(compiled.read_bytes()[:100])
    assert run_copy(path) == [count, "/modules", "True"]
    assert run_copy(path) == [count, "/modules", "False"]


def test_compiled_table_equals_the_parsed_one_in_order(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.toml"
    path.write_text(Path(SHIPPED).read_text())
    code = "import sys; from oai._table.load import shipped_table as read; table = read(sys.argv[1]); "
    code += "print([*table.items(), *table.helpers.items()])"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    read, compiled = (
        subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, env=environment).stdout
        for _ in range(2)
    )
    assert read == compiled
    assert b"WebSocketRow(" in compiled


def test_unwritable_compiled_table_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.toml"
    path.write_text(Path(SHIPPED).read_text())
    (tmp_path / "__pycache__").write_text("a file where the directory would be")
    assert run_copy(path)[1:] == ["/models", "True"]


HELPER = """
[files.twice]
doc      = "Retrieve a file twice."
helper   = "{module}.twice"
extends  = "files.retrieve"
response = "list[FileObject]"
params   = {{ pause = "float?" }}
"""


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's module of helpers, importable by the returned name."""
    (tmp_path / "my_helpers.py").write_text(
        "from oai._flow.steps import sleep, run_concurrently\n"
        "def twice(client, file_id, *, pause=0.0, **options):\n"
        '    """Say what was seen."""\n'
        "    first = yield client.files.retrieve(file_id, **options)\n"
        "    yield sleep(client, pause)\n"
        "    return [first, (yield client.files.retrieve(file_id, **options))]\n"
        "def gather(client, ids):\n"
        "    return (yield run_concurrently(client, [lambda each=each: client.files.retrieve(each) for each in ids], 2))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "my_helpers"


def test_helper_becomes_a_method_of_both_clients(tmp_path: Path, helpers: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(
        HELPER.format(module=helpers)
        + f'[files.gather]\nhelper = "{helpers}.gather"\nparams = {{ ids = "list[str]" }}\n'
    )
    client = oai.OpenAI(transport=oai.OfflineTransport(), table=path)
    assert [file.id for file in client.files.twice("file-1", pause=0.0, timeout=3)] == ["file-1"] * 2
    assert [file.id for file in client.files.gather(ids=["a", "b", "c"])] == ["a", "b", "c"]
    assert str(inspect.signature(client.files.twice)).startswith("(file_id: 'str', *, pause: 'float' = omit")
    assert inspect.getdoc(client.files.twice) == (
        "Retrieve a file twice.\n\nSay what was seen.\n\nArgs:\n    file_id: The id of the file."
    )
    with pytest.raises(TypeError, match="unexpected keyword argument 'pauze'. Did you mean 'pause'"):
        client.files.twice("file-1", pauze=1)
    with pytest.raises(TypeError, match="missing 1 required argument: 'file_id'"):
        client.files.twice()

    async def main() -> list[list[str]]:
        client = oai.AsyncOpenAI(transport=oai.OfflineTransport(), table=path)
        lists = await client.files.twice("file-1"), await client.files.gather(ids=["a", "b", "c"])
        return [[file.id for file in files] for files in lists]

    assert asyncio.run(main()) == [["file-1"] * 2, ["a", "b", "c"]]


def test_helper_can_catch_an_api_error_in_both_clients(tmp_path: Path, server: Loopback, helpers: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(
        HELPER.format(module=helpers) + f'[gather]\nhelper = "{helpers}.gather"\nparams = {{ ids = "Any" }}\n'
    )
    server.default = Answer(404, json={"error": {"message": "gone"}})
    with oai.OpenAI(api_key="k", base_url=server.url, table=path, max_retries=0) as client:
        with pytest.raises(oai.NotFoundError):
            client.files.twice("file-1")
        with pytest.raises(oai.NotFoundError):
            client.gather(ids=["a", "b", "c"])

    async def main() -> None:
        async with oai.AsyncOpenAI(api_key="k", base_url=server.url, table=path, max_retries=0) as client:
            with pytest.raises(oai.NotFoundError):
                await client.files.twice("file-1")
            with pytest.raises(oai.NotFoundError):
                await client.gather(ids=["a", "b", "c"])

    asyncio.run(main())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('extends = "files.retreive"', r"\[files.x\]: `extends` is 'files.retreive'.*did you mean `files.retrieve`"),
        ('extends = "files.retrieve"\nwithout = ["file"]', "`without` names 'file'.*did you mean `file_id`"),
        ('without = ["file_id"]', "`without` needs `extends`"),
        ('path = "/files"', "`path` is not a valid key of a helper"),
        ('response = "a b"', "`response` is 'a b', which is not a type expression"),
        ('args = ["a"]', "`args` names 'a', which is not a parameter"),
        ('params = { timeout = "str" }', "`params.timeout` is not a valid parameter name"),
        ('params = { a = "str" }\nconstants = { a = 1 }', "`constants` has 'a', which is also a parameter"),
    ],
)
def test_invalid_helper_error_names_file_and_key(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(f'[files.x]\nhelper = "a.b"\n{line}\n')
    with pytest.raises(oai.TableError, match=message):
        oai.OpenAI(transport=oai.OfflineTransport(), table=path)


def test_loaded_table_may_extend_operations_of_the_table_below(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text('[a]\nhelper = "x.y"\nextends = "files.list"\n[b]\nhelper = "json.loads"\nextends = "no.where"\n')
    client = oai.OpenAI(transport=oai.OfflineTransport(), table=oai.load_table(path))
    with pytest.raises(oai.TableError, match=r"extends \[no.where\], which is not an operation"):
        client.b()


def test_missing_helper_module_is_named_at_first_use(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text('[files.x]\nhelper = "json.lods"\n')
    client = oai.OpenAI(transport=oai.OfflineTransport(), table=path)
    with pytest.raises(oai.TableError, match=r"\[files.x\]: `helper` is 'json.lods'.*did you mean 'loads'"):
        client.files.x()


def test_missing_helper_function_is_named_at_first_use(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('[own]\nhelper = "polling.pol"\n')
    with oai.OpenAI(table=tmp_path / "my.toml", transport=oai.OfflineTransport()) as client:
        own: Any = client
        with pytest.raises(oai.TableError, match=r"`helper` is 'polling.pol'.*has no 'pol'; did you mean 'poll'"):
            own.own()


BOUND = """
[own.create]
method = "POST"
path = "/own"
body = "json"
response = "dict"
stream = "dict"
end = ["*"]
"""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('bind = "created"', r"`bind` is 'created', not a function as module.function"),
        ('local = { kind = "int?" }', r"`local` needs `bind`"),
        ('stream_result = "list"', r"`stream_result` needs `bind`"),
        ('bind = "a.b"\nlocal = { kind = "int" }', r"`local.kind` must be optional"),
        ('bind = "a.b"\nlocal = { timeout = "int?" }', r"`local.timeout` is not a valid parameter name"),
        ('bind = "a.b"\nlocal = { model = "int?" }\nparams = { model = "str" }', r"`local.model` .* is already used"),
        ('bind = "a.b"\nlocal = { kind = "1 +?" }', r"`local.kind` is '1 \+', which is not a type expression"),
    ],
)
def test_invalid_bind_and_local_are_rejected(more: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(BOUND + more)
    with pytest.raises(oai.TableError, match=message):
        oai.load_table(tmp_path / "my.toml")


def test_missing_bind_function_is_named_at_the_call(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(BOUND + 'bind = "agents.streams.creatd"')
    with oai.OpenAI(table=tmp_path / "my.toml", transport=oai.OfflineTransport()) as client:
        own: Any = client
        with pytest.raises(oai.TableError, match=r"\[own.create\]: `bind` is .*did you mean 'created'"):
            own.own.create()
