"""Form bodies, parsed with the standard library."""

from __future__ import annotations

import email.parser
import email.policy
import io
import tempfile
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai._request.multipart import Multipart


def read_form(form: Multipart) -> list[tuple[str, str | None, str, bytes]]:
    body = b"".join(form)
    assert len(body) == form.length
    head = f"Content-Type: {form.content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    assert not message.defects
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


NAME = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="_-"), min_size=1, max_size=12)
VALUE = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40), st.integers(), st.booleans()
)


@given(
    st.dictionaries(NAME, VALUE, max_size=4),
    st.lists(st.tuples(NAME, NAME, st.binary(max_size=200)), min_size=1, max_size=4),
)
def test_any_form_round_trips(fields: dict[str, object], files: list[tuple[str, str, bytes]]) -> None:
    form = Multipart(fields, [(field, (name, content, "application/x-test")) for field, name, content in files])
    parts = read_form(form)
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in fields.values()]
    # The standard library's parser takes any line end for one, so texts are compared by their lines.
    assert [content.decode().splitlines() for _, _, _, content in parts[: len(fields)]] == [
        text.encode().decode().splitlines() for text in texts
    ]
    assert [name for name, *_ in parts] == [*fields, *(field for field, _, _ in files)]
    assert [name for _, name, _, _ in parts[len(fields) :]] == [name for _, name, _ in files]
    raw = b"".join(form)
    for _, _, content in files:
        assert b"\r\n\r\n" + content + b"\r\n--" in raw


def test_nested_fields_are_named_as_in_a_query() -> None:
    form = Multipart({"include": ["a", "b"], "expires_after": {"anchor": "created_at", "seconds": 3600}}, [])
    assert [(name, content) for name, _, _, content in read_form(form)] == [
        ("include[]", b"a"),
        ("include[]", b"b"),
        ("expires_after[anchor]", b"created_at"),
        ("expires_after[seconds]", b"3600"),
    ]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(b"\x89PNG and so on")
    return path


def test_files_are_accepted_in_every_documented_form(picture: Path) -> None:
    with picture.open("rb") as opened:
        files = {
            "path": picture,
            "text": str(picture),
            "open": opened,
            "bytes": b"abc",
            "pair": ("dog.jpeg", b"wuff"),
            "triple": ("notes", picture, "text/x-notes"),
            "nameless": (None, b"plain"),
        }
        parts = {
            name: (filename, kind, content) for name, filename, kind, content in read_form(Multipart({}, files.items()))
        }
    png = picture.read_bytes()
    assert parts == {
        "path": ("cat.png", "image/png", png),
        "text": ("cat.png", "image/png", png),
        "open": ("cat.png", "image/png", png),
        "bytes": ("upload", "application/octet-stream", b"abc"),
        "pair": ("dog.jpeg", "image/jpeg", b"wuff"),
        "triple": ("notes", "text/x-notes", png),
        "nameless": (None, "text/plain", b"plain"),
    }


def test_form_yields_the_same_bytes_each_time(picture: Path) -> None:
    with picture.open("rb") as opened:
        form = Multipart({"a": 1}, [("one", picture), ("two", opened), ("three", io.BytesIO(b"xyz"))])
        first = b"".join(form)
        partly = iter(form)
        next(partly)
        assert b"".join(form) == first


@pytest.mark.parametrize("position", [0, 5, 14, 99])
def test_open_file_is_sent_whole_from_any_position(picture: Path, position: int) -> None:
    with picture.open("rb") as opened:
        opened.seek(position)
        form = Multipart({}, [("file", opened)])
        assert read_form(form)[0][3] == picture.read_bytes()
        assert read_form(Multipart({}, [("file", opened)]))[0][3] == picture.read_bytes()
        assert read_form(form)[0][3] == picture.read_bytes()


class Seekless:
    """A file-like object with `seek` and `tell` but without `seekable`, as some libraries have them."""

    def __init__(self, content: bytes) -> None:
        file = io.BytesIO(content)
        self.read, self.seek, self.tell, self.close = file.read, file.seek, file.tell, file.close


def written(content: bytes) -> io.BytesIO:
    file = io.BytesIO()
    file.write(content)
    return file


def spooled(content: bytes) -> Any:
    file = tempfile.SpooledTemporaryFile(max_size=4)  # noqa: SIM115 - the test's
    file.write(content)
    return file


@pytest.mark.parametrize("make", [written, Seekless, spooled, io.BytesIO])
def test_file_that_was_just_written_is_uploaded_whole_twice(make: Callable[[bytes], Any]) -> None:
    with closing(make(b"PAYLOAD")) as file:
        for _ in range(2):
            assert read_form(Multipart({}, [("file", ("a.txt", file))]))[0][3] == b"PAYLOAD"
            file.read(3)


def test_text_in_a_tuple_is_content() -> None:
    parts = read_form(Multipart({}, [("file", ("n.txt", "te\u00fct")), ("file", ("n.md", "", "text/markdown"))]))
    assert parts == [
        ("file", "n.txt", "text/plain", "te\u00fct".encode()),
        ("file", "n.md", "text/markdown", b""),
    ]


class Pipe(io.RawIOBase):
    """A file that can be read once, like standard input."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


def test_non_seekable_file_is_buffered() -> None:
    form = Multipart({}, [("file", Pipe(b"once"))])
    assert b"".join(form) == b"".join(form)
    assert read_form(form)[0][3] == b"once"


def test_second_upload_of_a_non_seekable_file_raises() -> None:
    pipe, empty = Pipe(b"once"), Pipe(b"")
    Multipart({}, [("file", pipe)])
    with pytest.raises(ValueError, match="`file` was read by an earlier call and cannot be rewound"):
        Multipart({}, [("file", ("n.txt", pipe))])
    assert read_form(Multipart({}, [("file", empty)]))[0][3] == b""


def test_a_line_break_in_a_name_cannot_add_a_header() -> None:
    form = Multipart({}, [("file", ('a"\r\nX-Evil: 1', b"x"))])
    assert b"\r\nX-Evil" not in b"".join(form)
    assert unquote(read_form(form)[0][1] or "") == 'a"\r\nX-Evil: 1'


def test_a_large_file_is_streamed_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(256 * 1024 * 1024)
    form = Multipart({}, [("file", path)])
    tracemalloc.start()
    sent = sum(len(piece) for piece in form)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent == form.length
    assert peak < 4 * 1024 * 1024


def test_file_that_shrinks_during_the_upload_raises(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"0123456789")
    form = Multipart({}, [("file", path)])
    path.write_bytes(b"0123")
    with pytest.raises(OSError, match=r"log.txt became 6 bytes shorter"):
        b"".join(form)


@pytest.mark.parametrize(
    ("file", "error", "message"),
    [
        ("nowhere.png", FileNotFoundError, "`file` is a path that does not exist: 'nowhere.png'"),
        (".", IsADirectoryError, "is a directory"),
        (io.StringIO("text"), TypeError, "open it with mode 'rb'"),
        (7, TypeError, "`file` is of type int; a file is a path, bytes"),
        (("only a name",), TypeError, "a tuple of 1"),
    ],
)
def test_invalid_file_is_named(file: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Multipart({}, [("file", file)])


def test_string_as_a_file_is_rejected_where_paths_are_not_allowed(picture: Path) -> None:
    with pytest.raises(TypeError, match="`file` is a string; this client has upload_paths=False"):
        Multipart({}, [("file", str(picture))], paths=False)
    assert read_form(Multipart({}, [("file", picture), ("file", ("a", "text"))], paths=False))[1][3] == b"text"
