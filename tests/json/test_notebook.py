"""Results in notebooks: valid HTML, everything escaped, images and sounds embedded, nothing loaded from a network."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from typing import Any

import pytest

import oai
from oai._json.notebook import MOST_ITEMS
from oai._results.answer import BinaryResponse
from oai.transports import OfflineTransport
from oai.types import ImagesResponse
from oai.types.chat import ChatCompletion

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
WAV = b"RIFF\0\0\0\0WAVEfmt " + bytes(100)
EVIL = '<script>alert("x")</script>&'
VOID = {"img"}


class Tree(HTMLParser):
    """Checks that elements nest, and keeps tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name == "src"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def tree(result: Any) -> Tree:
    html = result._repr_html_()
    assert isinstance(html, str)
    return Tree(html)


@pytest.fixture
def offline() -> oai.OpenAI:
    return oai.OpenAI(transport=OfflineTransport())


def test_object_is_shown_with_its_fields_escaped() -> None:
    completion = ChatCompletion(id=EVIL, choices=[], created=1, model="m", object="chat.completion")
    shown = tree(completion)
    assert EVIL in shown.text
    assert "script" not in shown.tags
    assert "ChatCompletion" in shown.text


def test_result_and_page_of_a_client_are_shown(offline: oai.OpenAI) -> None:
    assert "You said" in tree(offline.responses.create(model="m", input="Hello")).text
    models = offline.models.list()
    shown = tree(models)
    assert shown.tags.count("tr") == 1 + len(models.data)
    assert models.data[0].id in shown.text
    assert "table" in shown.tags


def test_long_lists_and_texts_are_cut(offline: oai.OpenAI) -> None:
    many = ChatCompletion(id="x" * 50_000, choices=[], created=1, model="m", object="chat.completion")
    assert len(many._repr_html_()) < 20_000
    page = offline.models.list()
    page.data = page.data[:1] * (MOST_ITEMS + 5)
    assert "5 more items" in tree(page).text
    vectors = offline.embeddings.create(model="m", input="x", dimensions=1536)
    assert "1536 numbers" in tree(vectors).text


def test_deep_object_is_shown_without_recursion() -> None:
    deep: Any = "end"
    for _ in range(500):
        deep = [deep]
    result = ChatCompletion(id="i", choices=[], created=1, model="m", object="chat.completion")
    result.__dict__["deep"] = deep
    assert "..." in tree(result).text


def test_images_of_a_result_are_embedded() -> None:
    data = [{"b64_json": base64.b64encode(PNG).decode()}, {"url": "https://x.test/a.png"}]
    shown = tree(ImagesResponse.model_validate({"created": 1, "data": data}))
    assert shown.sources == [f"data:image/png;base64,{base64.b64encode(PNG).decode()}"]
    assert "https://x.test/a.png" in shown.text


def test_sound_of_a_message_is_embedded() -> None:
    audio = {"id": "a", "data": base64.b64encode(WAV).decode(), "transcript": "Hi", "expires_at": 1}
    message = {"role": "assistant", "content": None, "audio": audio}
    fields = {"id": "i", "created": 1, "model": "m", "object": "chat.completion"}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    shown = tree(ChatCompletion.model_validate({**fields, "choices": choices}))
    assert "audio" in shown.tags
    assert shown.sources[0].startswith("data:audio/wav;base64,")


@pytest.mark.parametrize(
    ("content", "kind", "element"),
    [
        (PNG, "image/png", "img"),
        (PNG, "application/octet-stream", "img"),
        (WAV, "audio/wav; rate=8000", "audio"),
        (b"\0", "video/mp4", "video"),
        (b"<svg onload='x'/>", "image/svg+xml", None),
        (b"text", "text/plain", None),
        (b"", "", None),
    ],
)
def test_binary_result_shows_itself(content: bytes, kind: str, element: str | None) -> None:
    request = oai.transports.Request("GET", "https://x.test/", [])
    headers = oai.transports.Headers([("Content-Type", kind)])
    html = BinaryResponse(oai.Response(200, headers, request, content))._repr_html_()
    assert html is None if element is None else element in Tree(str(html)).tags


def test_speech_is_heard(offline: oai.OpenAI) -> None:
    speech = offline.audio.speech.create(model="m", voice="alloy", input="Hello")
    assert "audio" in tree(speech).tags


@pytest.mark.filterwarnings("ignore:IPython3 lexer unavailable:UserWarning")
def test_notebook_renders_a_result(offline: oai.OpenAI) -> None:
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed: pip install '.[test]'")
    nbformat = pytest.importorskip("nbformat")
    html = offline.responses.create(model="m", input=EVIL)._repr_html_()
    output = nbformat.v4.new_output("execute_result", {"text/html": html}, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("result", outputs=[output])])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    assert "resp_offline" in page
    assert "&lt;script&gt;alert" in page
    assert EVIL not in page
