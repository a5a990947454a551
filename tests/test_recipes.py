"""The recipes of `examples/` run by the command that each shows, without a key, with warnings as errors."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

RECIPES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))

PRINTED = {
    "agents.py": r"^Report\(summary='offline'(.|\n)*\nwhole: This is an offline response",
    "as_openai.py": r"Why is the sky blue\?(.|\n)*recorded and replayed: True\n",
    "assistants.py": r"completed\nassistant This is an offline response",
    "asyncio_calls.py": r'(You said: "Tell me about the (sea|sky|moon|sun).*\n){4}(You said: "What is the .*\n){4}',
    "audio.py": r"bytes\nThis is .*(.|\n)*\n00:00:00,000 --> ",
    "azure.py": r'You said: "Hello".*\n<AzureOpenAI for https://example.openai.azure.com',
    "batch.py": r'You said: "Tell me about the sea\.(.|\n)*You said: "Tell me about the sky\.',
    "caching.py": r"first sent (.|\n)*second cached .*\nsent (.*)\ncached \2\n3 hits, 3 misses, 3 responses",
    "chat.py": r'"Why is the sky blue\?".*\n\d+ tokens, request offline\n.*"And at sunset\?"',
    "chat_stream.py": r'"Tell me about the sea\.".*\n\d+ tokens\n',
    "compatible_server.py": r'You said: "Hello"(.|\n)*"model": "my-model"',
    "configuration.py": r"<OpenAI for https://api.openai.com/v1> 4\n",
    "deadlines.py": r'"Quick!"(.|\n)*too late: (.|\n)*completed\n',
    "django_app.py": r"^text/event-stream\n.*\"Hello\".*\nas events: b'data: ",
    "download.py": r"(\d+ of \d+|unknown) bytes\n(.|\n)*\d+ bytes, piece by piece",
    "edits.py": r"(.+\n){2}",
    "embeddings.py": r"([+-]\d\.\d{3} .*\n){3}",
    "errors.py": r"not reached: .*refused \(127\.0\.0\.1:9\)(.|\n)*mesages.*messages",
    "faking.py": r"^passed$",
    "fallback.py": r"used second after first: rate limit\nused second (.|\n)*\{.large.: 1\d, .small.: [2-9]\}",
    "fastapi_app.py": r"^.*\"Hello\".*\nwhole: .*Hello",
    "files.py": r"notes\.txt 9\nprocessed\n(.|\n)*True\n",
    "fine_tuning.py": r"ftjob-offline",
    "hooks.py": r"responses\.create #0 200 offline True\n",
    "http_client.py": r"GET /v1/models/gpt-5\ngpt-5\nTrue\n",
    "images.py": r"developer-0\.png \d+ bytes\n(.|\n)*edited\n3 variations",
    "large_upload.py": r"100% completed ",
    "limits.py": r"\d+: \d+ tokens\n(.|\n)*: .*the limits do not allow the request",
    "map.py": r"20 of 20\n20 vectors of \d+\nTrue\n",
    "models.py": r"gpt-5",
    "moderation.py": r"I like cats\. is fine\nI will feed the fish\. is fine",
    "own_endpoint.py": r"^\[.*\]\n\{.*'path': '/v1/undeclared'",
    "providers.py": r"^http://localhost:11434/v1 You said(.|\n)*ollama has no files\.list(.|\n)*Groq\n  https://",
    "raw_response.py": r"^200 application/json offline 0\n(.|\n)*data: \[DONE\]",
    "realtime.py": r"^Hello to you!\ncompleted\n$",
    "recording.py": r"^True\npassed\n$",
    "response_stream.py": r"\nstatus: completed\n",
    "stream_helpers.py": r"\nwhole: You said(.|\n)*\nstatus: completed\n",
    "structured_outputs.py": r"^\d.* easy \['offline'\]\nSolution\(",
    "tools.py": r"It is 12 degrees(.|\n)*umbrella",
    "tools_by_hand.py": r"called: multiply \{'a': .*\n.*12\.5 times 7",
    "tracing.py": r"^chat gpt-5 in .*output_tokens(.|\n)*\nquestion at the top \{\}\n",
    "usage.py": r"^the budget of 500 tokens for tag 'trial'(.|\n)*\ntotal +2 .*\n\n?# HELP oai_requests_total",
    "vector_store.py": r"^completed(.|\n)*How deep is the sea\?",
    "webhooks.py": r"^200 response resp_1 is completed\n400 ",
}
"""A pattern that the output of a recipe has; other recipes must print something."""


def run(name: str, place: Path) -> subprocess.CompletedProcess[str]:
    inherited = ("PATH", "HOME", "SYSTEMROOT", "LANG")  # no key, no proxy, no setting of the machine
    environment = {each: os.environ[each] for each in inherited if each in os.environ}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "TMPDIR": str(place)}
    recipe = ROOT / "examples" / name
    if f"OAI_TRANSPORT=offline python examples/{name}" in recipe.read_text():  # else it says that it needs no key
        environment["OAI_TRANSPORT"] = "offline"
    command = [sys.executable, "-W", "error", str(recipe)]
    return subprocess.run(command, check=False, env=environment, cwd=place, text=True, capture_output=True, timeout=120)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_runs(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(PRINTED.get(name, r"\S"), done.stdout), done.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_short_and_documented(name: str) -> None:
    text = (ROOT / "examples" / name).read_text()
    shown = ast.get_docstring(ast.parse(text)) or ""
    assert re.match(r"[A-Z].*\.", shown.splitlines()[0]), "the first line says what it shows"
    assert f"python examples/{name}" in shown
    assert 8 <= len(text.splitlines()) <= 55


def test_every_expected_output_has_a_recipe() -> None:
    assert PRINTED.keys() <= set(RECIPES)
