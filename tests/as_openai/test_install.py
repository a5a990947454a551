"""`oai.as_openai`: programs that import `openai` run over `oai`."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from paths import ROOT

from oai._official.version import __version__ as official_version


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "key-of-a-test"}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=120, env=environment, cwd=cwd, check=False
    )


def code(program: str) -> list[str]:
    """Run a program under `as_openai` and return the words that it prints."""
    done = run("-m", "oai.as_openai", "-c", program)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_openai_and_its_modules_are_those_of_oai() -> None:
    program = """
import openai, oai
import openai.types.chat.chat_completion as chat_completion
import openai.resources.chat.completions as completions
from openai.types.chat.chat_completion import Choice
import oai.types.chat.chat_completion as ours
import oai.resources.chat.completions
print(openai is oai, chat_completion is ours, Choice is ours.Choice)
print(completions is oai.resources.chat.completions, ours.__spec__.name)
"""
    assert code(program) == ["True"] * 4 + ["oai.types.chat.chat_completion"]


def test_names_that_the_sdk_removed_say_what_to_use() -> None:
    program = """
import openai
from openai import ChatCompletion, Embedding
for use in (
    lambda: ChatCompletion.create(model="m", messages=[]),
    lambda: Embedding(),
    lambda: openai.api_base,
    lambda: __import__("openai.error"),
    lambda: __import__("openai.no_such_module"),
):
    try:
        use()
    except (openai.OpenAIError, AttributeError, ModuleNotFoundError) as error:
        print(str(error).partition(": use ")[2] or str(error).partition("; use ")[2] or error)
print(hasattr(openai, "ChatCompletion"), hasattr(openai, "Stream"), hasattr(openai, "NoSuchName"))
"""
    done = run("-m", "oai.as_openai", "-c", program)
    assert done.stdout.splitlines() == [
        "oai.chat.completions.create",
        "oai.embeddings.create",
        "oai.base_url",
        "the exceptions of the module itself, such as oai.RateLimitError",
        "No module named 'openai.no_such_module'",
        "True True False",
    ], done.stderr


def test_private_modules_of_the_sdk_do_not_hide_those_of_oai() -> None:
    program = """
import openai._types, openai._client, openai._base_client, oai._client.core
from openai._client import AsyncOpenAI
from openai._types import NOT_GIVEN, Omit
print(AsyncOpenAI is openai.AsyncOpenAI, NOT_GIVEN is openai.NOT_GIVEN, oai._client.core.__name__)
try:
    import openai._json
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert code(program) == ["True", "True", "oai._client.core", "openai._json"]


def test_private_modules_of_the_sdk_are_attributes() -> None:
    program = """
import openai
from openai import _legacy_response, _models
print(_legacy_response.LegacyAPIResponse is openai.RawResponse, openai._base_client.SyncAPIClient is openai.OpenAI)
print(hasattr(openai, "_nothing"), openai._client.OpenAI is openai.OpenAI)
"""
    assert code(program) == ["True", "True", "False", "True"]


def test_the_version_is_that_of_the_sdk_while_it_is_installed() -> None:
    program = """
import importlib.metadata, openai, openai.version
from oai import as_openai
from openai._version import __version__
print(importlib.metadata.version("openai"), openai.__version__, openai.version.VERSION, __version__)
as_openai.uninstall()
import oai
print(oai.__version__, oai.version.VERSION)
"""
    from oai._version import __version__

    assert code(program) == [official_version] * 4 + [__version__] * 2


def test_the_version_is_the_one_that_the_tests_run_against() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"openai=={official_version}" in project["optional-dependencies"]["official"]


def test_settings_of_the_module_are_those_of_oai() -> None:
    program = """
import openai, oai
openai.base_url = "http://127.0.0.1:1/v1"
print(oai.base_url, openai.models._client.base_url)
"""
    assert code(program) == ["http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/"]


def test_base_urls_end_with_a_slash_and_have_the_attributes_of_httpx() -> None:
    program = """
import openai
url = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:1234/a%20b/v1").base_url
print(url, url.host, url.port, url.raw_path.decode(), url.netloc.decode(), url.path.replace(" ", "+"), url.scheme)
"""
    assert code(program) == [
        *("http://127.0.0.1:1234/a%20b/v1/", "127.0.0.1", "1234", "/a%20b/v1/", "127.0.0.1:1234", "/a+b/v1/", "http")
    ]


def test_constructors_show_their_options_to_getfullargspec() -> None:
    program = """
import inspect, openai
for client in (openai.AsyncOpenAI, openai.AsyncAzureOpenAI):
    names = inspect.getfullargspec(client.__init__).kwonlyargs
    print({"api_key", "base_url", "max_retries", "http_client"} <= {*names}, "azure_endpoint" in names)
"""
    assert code(program) == ["True", "False", "True", "True"]


def test_programs_have_the_annotations_that_they_write() -> None:
    assert code("def function(x: int): ...\nprint(function.__annotations__['x'].__name__)") == ["int"]


def test_a_second_install_has_no_effect_and_uninstall_undoes_it() -> None:
    program = """
import sys
from oai import as_openai
as_openai.install()
import openai
before = len(sys.meta_path)
as_openai.uninstall()
as_openai.uninstall()
print(before - len(sys.meta_path), "openai" in sys.modules)
"""
    assert code(program) == ["1", "False"]


def test_an_sdk_that_is_imported_already_is_an_error() -> None:
    program = (
        "import sys, types; sys.modules['openai'] = types.ModuleType('openai')\nimport oai.as_openai as a\na.install()"
    )
    done = run("-c", program)
    assert done.returncode == 1
    assert "RuntimeError: openai is imported already" in done.stderr


def test_a_script_runs_as_main_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 7")
    script = tmp_path / "program.py"
    script.write_text(
        "import sys, pickle, beside, openai\nclass Own: pass\n"
        "print(__name__, sys.argv[1:], beside.VALUE, type(pickle.loads(pickle.dumps(Own()))) is Own, openai.OpenAI.__name__)"
        "\nsys.exit(5)"
    )
    done = run("-m", "oai.as_openai", str(script), "one", "--two")
    assert done.stdout == "__main__ ['one', '--two'] 7 True OpenAI\n", done.stderr
    assert done.returncode == 5


def test_a_module_runs_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import openai, oai\ndef test_it():\n    assert openai is oai\n")
    done = run("-m", "oai.as_openai", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py", cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("words", [(), ("-m",), ("-c",)])
def test_a_command_line_without_a_program_shows_the_usage(words: tuple[str, ...]) -> None:
    done = run("-m", "oai.as_openai", *words)
    assert done.returncode == 2
    assert done.stdout.startswith("usage: python -m oai.as_openai program.py")


def test_missing_names_can_be_imported_and_say_why_when_they_are_used() -> None:
    program = """
from openai import OAuthError
from openai._models import FinalRequestOptions
from openai._utils import LazyProxy
class Derived(LazyProxy): pass
try:
    raise KeyError
except OAuthError:
    pass
except KeyError:
    print(isinstance(3, FinalRequestOptions), hasattr(FinalRequestOptions, "copy"))
for use in (FinalRequestOptions, Derived, lambda: FinalRequestOptions.copy):
    try:
        use()
    except NotImplementedError as error:
        print(str(error).partition(" is not available in oai: ")[0].replace(" ", "_"))
"""
    assert code(program) == [
        "False",
        "False",
        "openai's_FinalRequestOptions",
        "openai's_LazyProxy",
        "openai's_FinalRequestOptions",
    ]


def test_classes_are_of_the_modules_by_which_programs_recognize_them() -> None:
    program = """
import openai, pickle
print(*(each.__module__ for each in (openai.OpenAI, openai.AsyncAzureOpenAI, openai.Stream, openai.RateLimitError)))
print(pickle.loads(pickle.dumps([openai.AzureOpenAI, openai.RateLimitError])) == [openai.AzureOpenAI, openai.RateLimitError])
from oai import as_openai
as_openai.uninstall()
print(openai.OpenAI.__module__.partition(".")[0])
"""
    assert code(program) == ["openai", "openai.lib.azure", "openai", "openai", "True", "oai"]


def test_base_url_ends_with_a_slash_where_it_has_a_path() -> None:
    program = """
from openai import OpenAI
print(*(OpenAI(base_url=url).base_url for url in ("https://x.example", "https://x.example/v1", "https://x.example/v1/", "base")))
"""
    assert code(program) == ["https://x.example", "https://x.example/v1/", "https://x.example/v1/", "base/"]


def test_responses_can_be_annotated_with_the_type_that_they_parse_to() -> None:
    program = """
from openai._legacy_response import LegacyAPIResponse
from openai._response import APIResponse, AsyncAPIResponse
def use(a: LegacyAPIResponse[str], b: APIResponse[str], c: AsyncAPIResponse[str]) -> None: ...
print(*(each.__args__[0].__name__ for each in (LegacyAPIResponse[str], APIResponse[str], AsyncAPIResponse[str])))
"""
    assert code(program) == ["str", "str", "str"]


@pytest.mark.parametrize("library", ["", "vcr", "respx", "pytest_httpx"])
def test_requests_go_over_httpx_where_a_library_may_intercept_them(library: str) -> None:
    program = f"""
import sys, types
if {library!r}:
    sys.modules[{library!r}] = types.ModuleType({library!r})
import asyncio
from openai import AsyncOpenAI, OpenAI
from oai._request.client_core import core_of
print(type(core_of(OpenAI()).transport).__name__, type(core_of(AsyncOpenAI()).transport).__name__)
from oai import as_openai
as_openai.uninstall()
print(type(core_of(OpenAI()).transport).__name__)
"""
    names = ["HttpxTransport", "AsyncHttpxTransport"] if library else ["HTTPTransport", "AsyncHTTPTransport"]
    assert code(program) == [*names, "HTTPTransport"]


def test_cassettes_of_vcrpy_replay_under_as_openai(tmp_path: Path) -> None:
    vcr = pytest.importorskip("vcr")
    assert vcr
    cassette = tmp_path / "c.yaml"
    cassette.write_text(
        "version: 1\ninteractions:\n- request:\n    method: GET\n    uri: https://api.openai.com/v1/models/m\n"
        "    body: ''\n    headers: {}\n  response:\n    status: {code: 200, message: OK}\n"
        "    headers: {content-type: [application/json]}\n"
        '    body: {string: \'{"id": "m", "object": "model", "created": 1, "owned_by": "me"}\'}\n'
    )
    program = f"""
import vcr
from openai import OpenAI
with vcr.use_cassette({str(cassette)!r}, record_mode="none"):
    print(OpenAI().models.retrieve("m").owned_by)
"""
    assert code(program) == ["me"]
