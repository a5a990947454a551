"""The generated functions, as seen by Python's own tools."""

from __future__ import annotations

import inspect
import os
import pydoc
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import oai
from oai._table.load import shipped_table
from oai.testing import Answer, Loopback


@pytest.fixture
def client() -> oai.OpenAI:
    return oai.OpenAI(transport=oai.OfflineTransport())


def test_signature_is_exact(client: oai.OpenAI) -> None:
    parameters = inspect.signature(client.embeddings.create).parameters
    assert list(parameters) == [
        *("input", "model", "dimensions", "encoding_format", "user"),
        *("extra_headers", "extra_query", "extra_body", "timeout"),
    ]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    assert required == ["input", "model"]
    assert parameters["dimensions"].default is oai.omit


def test_last_path_parameter_is_positional_and_the_others_keyword_only(client: oai.OpenAI) -> None:
    signature = inspect.signature(client.beta.threads.runs.steps.retrieve)
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    assert kinds["step_id"] is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert kinds["thread_id"] is kinds["run_id"] is inspect.Parameter.KEYWORD_ONLY


def test_alias_takes_path_parameters_in_order(client: oai.OpenAI) -> None:
    signature = inspect.signature(client.thread_run_step)
    assert list(signature.parameters)[:3] == ["thread_id", "run_id", "step_id"]


def test_every_operation_of_the_table_is_a_function_with_name_and_docstring(client: oai.OpenAI) -> None:
    for name, row in shipped_table().items():
        function = client
        for part in name.split("."):
            function = getattr(function, part)
        assert inspect.ismethod(function)
        assert function.__func__.__qualname__ == name
        assert function.__doc__ is not None
        assert row.doc
        assert row.doc in function.__doc__
        assert f"{row.method} {row.path}" in function.__doc__
        assert "create" in inspect.getsource(function) or name.rpartition(".")[2] in inspect.getsource(function)


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")
def test_every_parameter_is_sent_under_its_wire_name_unless_it_is_omitted(client: oai.OpenAI) -> None:
    vars(client._core)["call"] = lambda _, *arguments: arguments
    for name, row in shipped_table().items():
        if row.bind is not None:
            continue  # its operation is made of the arguments
        function = client
        for part in name.split("."):
            function = getattr(function, part)
        params = {param: kind for param, kind in (row.params or {}).items() if param not in row.header_params}
        required = {param: param for param in row.path_params}
        required |= {param: param for param, kind in (row.params or {}).items() if not kind.endswith("?")}
        usual = function(**required)
        optional = [param for param in params if param not in required]
        assert function(**required, **dict.fromkeys(optional, oai.omit)) == usual
        for param in optional:
            place = 1 if row.body == "query" or param in row.query else 2
            sent = {**(usual[place] or {}), row.rename.get(param, param): param}
            assert function(**required, **{param: param})[place] == sent, f"{name}({param}=...)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"modle": "m", "input": "x"},
            r"create\(\) got an unexpected keyword argument 'modle'. Did you mean 'model'\?",
        ),
        ({"model": "m", "input": "x", "time_out": 3}, r"'time_out'. Did you mean 'timeout'\?"),
        (
            {"model": "m", "input": "x", "colour": 3},
            r"'colour'; use extra_body for parameters that the table does not declare",
        ),
        (
            {"model": "m", "input": "x", "deadline": 1},
            r"'deadline'; the client has this option: client.with_options\(deadline=...\); .* use extra_body",
        ),
        ({"model": "m", "input": "x", "base_url": "x"}, r"client.with_options\(base_url=...\)"),
        (
            {"model": "m", "input": "x", "max_retires": 1},
            r"Did you mean the client's option 'max_retries'\? Use client.with_options\(max_retries=...\)",
        ),
        ({"model": "m"}, r"create\(\) missing 1 required argument: 'input'"),
        ({}, r"create\(\) missing 2 required arguments: 'input' and 'model'"),
        ({"model": oai.omit, "input": "x"}, r"missing 1 required argument: 'model'"),
    ],
)
def test_wrong_arguments_raise_type_error_with_a_suggestion(
    client: oai.OpenAI, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        client.embeddings.create(**arguments)


def test_unknown_argument_is_not_suggested_as_itself(client: oai.OpenAI) -> None:
    for call, name in ((client.embeddings.create, "stream"), (client.files.wait_for_processing, "timeout")):
        arguments = {"model": "m", "input": "x"} if name == "stream" else {"id": "f"}
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'") as caught:
            call(**arguments, **{name: True})
        assert f"Did you mean '{name}'" not in str(caught.value)


def test_options_of_the_client_are_named_by_every_kind_of_call(client: oai.OpenAI) -> None:
    for call in (
        client.with_raw_response.models.list,
        client.with_streaming_response.models.list,
        client.responses.stream,
    ):
        for option in ("deadline", "max_retries", "api_key"):
            with pytest.raises(TypeError, match=rf"client\.with_options\({option}=\.\.\.\)"):
                call(**{option: 1})


def test_too_many_positional_arguments_raise_pythons_type_error(client: oai.OpenAI) -> None:
    with pytest.raises(TypeError, match=r"takes 1 positional argument but 2 were given|takes .* positional"):
        client.embeddings.create("text")


def test_attributes_are_real(client: oai.OpenAI) -> None:
    assert {"chat", "files", "models", "chat_completion"} <= set(dir(client))
    assert dir(client.chat.completions)[-5:] == ["create", "delete", "list", "messages", "retrieve"] or {
        "create",
        "list",
    } <= set(dir(client.chat.completions))
    assert client.chat is client.chat
    assert client.chat.completions.create == client.chat.completions.create
    assert repr(client.embeddings) == "<namespace embeddings: create>"
    with pytest.raises(AttributeError, match="no attribute 'complet'"):
        client.chat.complet  # noqa: B018


def test_two_clients_share_functions_and_nothing_else(client: oai.OpenAI) -> None:
    other = oai.OpenAI(transport=oai.OfflineTransport())
    assert client.chat.completions.create.__func__ is other.chat.completions.create.__func__
    assert client.chat.completions is not other.chat.completions


def test_help_shows_signature_and_summary(client: oai.OpenAI) -> None:
    text = pydoc.render_doc(client.embeddings, renderer=pydoc.plaintext)
    assert "create(" in text
    assert "input: 'str | " in text
    assert "Create embedding vectors of texts." in text


def test_a_class_has_the_attributes_without_an_instance() -> None:
    assert "create" in dir(oai.OpenAI.embeddings)
    assert inspect.isfunction(oai.OpenAI.embeddings.create)


def test_a_traceback_shows_the_generated_line(client: oai.OpenAI) -> None:
    try:
        client.embeddings.create(model="m")
    except TypeError:
        assert "raise _wrong_call('create'" in traceback.format_exc()


def test_row_without_params_accepts_stream(server: Loopback, tmp_path: Path) -> None:
    row = '[talk]\nmethod = "POST"\npath = "/talk"\nbody = "json"\nresponse = "dict"\nstream = "dict"\n'
    (tmp_path / "my.toml").write_text(row)
    server.reply(Answer.events([{"n": 1}]))
    with (
        oai.OpenAI(api_key="key", base_url=server.url, table=tmp_path / "my.toml") as client,
        client.talk(text="Hello", stream=True) as stream,
    ):
        assert list(stream) == [{"n": 1}]
    assert server.requests[0].json() == {"text": "Hello", "stream": True}


def test_traceback_shows_the_source_of_the_clients_own_table(tmp_path: Path) -> None:
    """A row of the same name in another table does not replace its source."""
    row = '[files.retrieve]\nmethod = "GET"\npath = "/files/{file_id}/{other}"\nbody = "query"\nresponse = "dict"\n'
    (tmp_path / "own.toml").write_text(row)
    clients = [oai.OpenAI(table=table, transport=oai.OfflineTransport()) for table in (None, tmp_path / "own.toml")]
    for client in clients:
        client.files.retrieve  # noqa: B018 - access builds the function
    for client in clients:
        with pytest.raises(TypeError) as caught:
            client.files.retrieve(nonsense=1)
        line = traceback.extract_tb(caught.tb)[-1].line or ""
        assert line.startswith("raise _wrong_call('retrieve'")
        assert ("'other'" in line) is (client is clients[1])


def test_official_aliases_can_be_imported() -> None:
    code = (
        "from oai import APIResponse, AsyncAPIResponse, AsyncClient, Client, HttpxBinaryResponseContent, NotGiven\n"
        "from oai import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, NOT_GIVEN, not_given\n"
        "import oai\n"
        "assert (Client, AsyncClient) == (oai.OpenAI, oai.AsyncOpenAI)\n"
        "assert isinstance(NOT_GIVEN, NotGiven) and not_given is NOT_GIVEN\n"
        "assert (DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT.read) == (2, 600)\n"
    )
    without_key = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    subprocess.run([sys.executable, "-c", code], check=True, env=without_key, cwd=Path(oai.__file__).parents[1])


def test_client_without_a_call_does_not_load_large_modules() -> None:
    code = (
        "import sys; sys.modules['typing_extensions'] = None\n"  # which loads `inspect`, where msgspec finds it
        "before = set(sys.modules); import oai; oai.OpenAI(api_key='k')\n"
        "large = {'asyncio', 'inspect', 'linecache', 'oai._json.pages', 'oai._surface.source', 'oai._table.undeclared',\n"
        "         'ssl', 'urllib3'}\n"
        "print(*sorted(large & set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == []
