"""Rows from a file, results to a file: streamed, in order, resumed, in each format."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from chat_server import chat
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
from oai import map_file
from oai.helpers.bulk.row_files import results_in_order
from oai.helpers.bulk.row_formats import ROW_GROUP
from oai.testing import Answer, Loopback, Seen


def echo(request: Seen) -> Answer:
    text = request.json()["messages"][0]["content"]
    return Answer.error(400, text) if text.startswith("bad") else Answer(json=chat(f"re: {text}"))


def row(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    return path


def read_results(path: Path) -> list[tuple[Any, Any]]:
    """Return the result and the error of each row."""
    if path.suffix == ".jsonl":
        values = [json.loads(line) for line in path.read_text().splitlines()]
        return [(None, each["error"]) if "error" in each else (each, None) for each in values]
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            rows: list[Any] = list(csv.DictReader(file))
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    assert [int(each["row"]) for each in rows] == list(range(len(rows)))
    return [tuple(json.loads(each[name]) if each[name] else None for name in ("result", "error")) for each in rows]  # type: ignore[misc]


def texts(path: Path) -> list[str]:
    return [
        result["choices"][0]["message"]["content"] if error is None else error["message"]
        for result, error in read_results(path)
    ]


@pytest.fixture
def create(server: Loopback) -> Iterable[Callable[..., Any]]:
    server.default = echo
    with oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as client:
        yield client.chat.completions.create


@pytest.mark.parametrize("target", ["out.jsonl", "out.csv", "out.parquet"])
@pytest.mark.parametrize("source", ["in.jsonl", "in.ndjson", "in.csv", "in.parquet"])
def test_results_are_written_in_row_order_in_every_format(
    source: str, target: str, create: Any, server: Loopback, tmp_path: Path
) -> None:
    if "parquet" in source + target:
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    server.default = lambda request: (time.sleep(0.02 if b'"1"' in request.body else 0), echo(request))[1]
    names = ["1", 'é, "quoted"\nlines', "bad luck", "4"]
    path = tmp_path / source
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "model"])
            writer.writerows([name, "m" if name != "4" else ""] for name in names)
    elif path.suffix == ".parquet":
        rows = [{**row(name), "model": "m" if name != "4" else None} for name in names]
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(rows), path)
    else:
        path.write_bytes(b"\xef\xbb\xbf" + "\n\n".join(json.dumps(row(name)) for name in names).encode())
    progress: list[tuple[int, int | None]] = []
    outcome = map_file(
        create,
        path,
        tmp_path / target,
        defaults={"model": "default", "temperature": 0},
        cells=lambda cells: {
            **{name: cell for name, cell in cells.items() if name != "text"},
            **row(cells["text"]),
            **({"model": cells["model"]} if "model" in cells else {}),
        },
        errors="return",
        progress=lambda *counts: progress.append(counts),
    )
    assert outcome == (4, 1)
    assert texts(tmp_path / target) == ["re: 1", f"re: {names[1]}", "Error code: 400 - bad luck", "re: 4"]
    assert read_results(tmp_path / target)[2][1] == {
        "type": "BadRequestError", "message": "Error code: 400 - bad luck", "status_code": 400,
    }  # fmt: skip
    assert all(request.json()["temperature"] == 0 for request in server.requests)
    assert progress == [(number, 4 if path.suffix == ".parquet" else None) for number in range(1, 5)]


def write_rows_with_ids(path: Path, field: str, ids: list[Any]) -> None:
    """Write a row for each id, whose text is the id's number in the list; one row, `bad 2`, fails."""
    rows = [
        {field: identifier, "text": f"{'bad ' if number == 2 else ''}{number}"} for number, identifier in enumerate(ids)
    ]
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field, "text"])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(rows), path)
    else:
        write_lines(path, rows)


def read_ids(path: Path, field: str) -> dict[Any, str]:
    """Return the text of the result, or the message of the error, by the id of the row."""
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert all(set(line) in ({field, "result"}, {field, "error"}) for line in lines)
        found = [(line[field], line.get("result"), line.get("error")) for line in lines]
    elif path.suffix == ".csv":
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            assert reader.fieldnames == ["row", field, "result", "error"]
            found = [(line[field], *outcome) for line, outcome in zip(reader, read_results(path), strict=True)]
    else:
        table = pytest.importorskip("pyarrow.parquet").read_table(path)
        assert table.column_names == ["row", field, "result", "error"]
        found = [(line[field], *outcome) for line, outcome in zip(table.to_pylist(), read_results(path), strict=True)]
    return {key: error["message"] if result is None else result["text"] for key, result, error in found}


def test_outcome_tells_rows_and_failures(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"a": 1}')
    outcome = map_file(dict, source, tmp_path / "out.jsonl")
    assert isinstance(outcome, oai.MapOutcome)
    assert (outcome.rows, outcome.failed) == (1, 0)


def test_coroutine_function_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"a": 1}')
    method = oai.AsyncOpenAI(api_key="k").embeddings.create
    with pytest.raises(TypeError, match=r"map_file\(\) cannot call a coroutine function"):
        map_file(method, source, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_progress_is_a_function_or_a_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"a": 1}')
    assert map_file(dict, source, tmp_path / "out.jsonl", progress=True) == (1, 0)
    with pytest.raises(TypeError, match="progress must be a function or True, not 'yes'"):
        map_file(dict, source, tmp_path / "out.jsonl", progress="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["out.jsonl", "out.csv", "out.parquet"])
@pytest.mark.parametrize("source", ["in.jsonl", "in.csv", "in.parquet"])
@pytest.mark.parametrize("field", ["custom_id", "document"])
def test_id_of_a_row_is_written_with_its_result_and_not_sent(
    field: str, source: str, target: str, tmp_path: Path
) -> None:
    if "parquet" in source + target:
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    ids = ["a", 'b, "quoted"\n', "c", "é"]
    write_rows_with_ids(tmp_path / source, field, ids)
    others_are_done = threading.Event()

    def work(**arguments: Any) -> dict[str, Any]:
        assert set(arguments) == {"text"}
        if arguments["text"] == "0":
            others_are_done.wait(10)  # the first row is answered last
        elif arguments["text"] == "3":
            others_are_done.set()
        if arguments["text"].startswith("bad"):
            raise oai.OpenAIError(arguments["text"])
        return {"text": f"re: {arguments['text']}"}

    id_field = None if field == "custom_id" else field
    outcome = map_file(work, tmp_path / source, tmp_path / target, errors="return", id_field=id_field)
    assert outcome == (4, 1)
    assert read_ids(tmp_path / target, field) == dict(zip(ids, ["re: 0", "re: 1", "bad 2", "re: 3"], strict=True))


def test_ids_that_are_not_text_are_kept_as_json(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"n": each} for each in (7, None, {"part": [1]})])
    map_file(dict, source, tmp_path / "out.jsonl", id_field="n")
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [
        {"n": 7, "result": {}}, {"n": None, "result": {}}, {"n": {"part": [1]}, "result": {}},
    ]  # fmt: skip
    map_file(dict, source, tmp_path / "out.csv", id_field="n")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [line["n"] for line in csv.DictReader(file)] == ["7", "null", '{"part":[1]}']


def test_row_without_an_id_among_others_stops_the_map(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"custom_id": "a"}, {}])
    with pytest.raises(ValueError, match="row 1 has no id 'custom_id'"):
        map_file(dict, source, tmp_path / "out.jsonl")
    with pytest.raises(ValueError, match="row 0 has no id 'name'"):
        map_file(dict, source, tmp_path / "out.jsonl", id_field="name")
    with pytest.raises(ValueError, match="must not be named 'error'"):
        map_file(dict, source, tmp_path / "out.jsonl", id_field="error")


def test_ids_stay_with_their_rows_when_a_journal_resumes(create: Any, server: Loopback, tmp_path: Path) -> None:
    rows = [{"custom_id": text, **row(text)} for text in ("a", "bad luck", "c")]
    source = write_lines(tmp_path / "in.jsonl", rows)
    options: dict[str, Any] = {"errors": "return", "journal": tmp_path / "j"}
    assert map_file(create, source, tmp_path / "out.jsonl", **options) == (3, 1)
    server.default = Answer(json=chat("better"))
    assert map_file(create, source, tmp_path / "out.jsonl", **options) == (3, 0)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    found = {line["custom_id"]: line["result"]["choices"][0]["message"]["content"] for line in lines}
    assert found == {"a": "re: a", "bad luck": "better", "c": "re: c"}
    assert b"custom_id" not in b"".join(request.body for request in server.requests)


def test_first_error_is_raised_with_its_row_and_keeps_the_results_before(create: Any, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [row("a"), row("bad luck"), *map(row, "cdefg" * 20)])
    with pytest.raises(oai.BadRequestError, match="bad luck") as caught:
        map_file(create, source, tmp_path / "out.jsonl", concurrency=1)
    assert caught.value.__notes__ == [f"This is row 1 of {source}."]
    assert texts(tmp_path / "out.jsonl") == ["re: a"]


def test_errors_that_every_row_would_have_stop_the_map(create: Any, server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.error(401, "wrong key")
    source = write_lines(tmp_path / "in.jsonl", [row("a")] * 100)
    with pytest.raises(oai.AuthenticationError):
        map_file(create, source, tmp_path / "o.jsonl", errors="return", stops=(oai.AuthenticationError,), concurrency=2)
    assert len(server.requests) <= 2 * 4 + 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.jsonl", b'{"model": "m"}\n{"model"\n', r"in\.jsonl:2: a row must be a JSON object"),
        ("in.jsonl", b"[1]\n", r"in\.jsonl:1: a row must be a JSON object"),
        ("in.jsonl", b'{"a": "\xff"}\n', r"in\.jsonl:1: a row must be a JSON object"),
        ("in.csv", b"a,b\n1,2,3\n", r"in\.csv:2: the row has more cells"),
        ("in.csv", b'a,b\n"1,2\n', r"in\.csv:\d: "),
        ("in.txt", b"", r"in\.txt: the suffix must be one of \.jsonl"),
    ],
)
def test_invalid_rows_are_named_by_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        map_file(dict, tmp_path / name, tmp_path / "out.jsonl")


def test_rows_are_not_overwritten_by_results(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"a": 1}])
    os.link(source, tmp_path / "link.jsonl")
    for target in (source, tmp_path / "link.jsonl"):
        with pytest.raises(ValueError, match="is the file of the rows"):
            map_file(dict, source, target)
    assert json.loads(source.read_text()) == {"a": 1}


def test_wrong_arguments_of_a_row_stop_the_map(create: Any, server: Loopback, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{**row("a"), "modle": "m"}])
    with pytest.raises(TypeError, match="modle"):
        map_file(create, source, tmp_path / "out.jsonl", errors="return")
    assert server.requests == []


def test_error_in_a_result_file_shows_no_key(create: Any, server: Loopback, tmp_path: Path) -> None:
    server.default = Answer.error(400, f"the key {KEY} is no good")
    source = write_lines(tmp_path / "in.jsonl", [row("a")])
    map_file(create, source, tmp_path / "out.jsonl", errors="return")
    assert KEY not in (tmp_path / "out.jsonl").read_text()
    assert "the key [redacted] is no good" in (tmp_path / "out.jsonl").read_text()


def test_without_pyarrow_parquet_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    source = write_lines(tmp_path / "in.jsonl", [{"a": 1}])
    for paths in ((source, tmp_path / "out.parquet"), (tmp_path / "in.parquet", tmp_path / "out.jsonl")):
        with pytest.raises(oai.OpenAIError, match="pip install pyarrow"):
            map_file(dict, *paths)


def test_concurrency_is_bounded_and_rows_are_read_lazily() -> None:
    lock, gate = threading.Lock(), threading.Event()
    in_flight = most = read = 0

    def work(number: int) -> int:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
        if number == 0:
            gate.wait(10)  # the first row is the slowest: the others wait for it, within the window
        with lock:
            in_flight -= 1
        return number

    def rows() -> Iterable[int]:
        nonlocal read
        for number in range(100):
            read += 1
            if number == 8:
                gate.set()
            yield number

    results = results_in_order(work, iter(rows()), concurrency=3)
    assert next(results) == 0
    assert most <= 3
    assert read == 12
    assert list(results) == list(range(1, 100))
    with pytest.raises(ValueError, match="concurrency must be a positive integer, not 0"):
        next(results_in_order(work, iter(()), concurrency=0))


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        source = write_lines(tmp_path / "in.jsonl", ({"text": f"{number}" * 200} for number in range(count)))
        tracemalloc.start()
        map_file(lambda text: {"text": text}, source, tmp_path / "out.jsonl", concurrency=2)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == count
        return size

    peak(10)
    assert peak(4000) < 2 * peak(200) + 500_000


@given(
    st.lists(
        st.dictionaries(
            st.text(min_size=1, max_size=5), st.none() | st.booleans() | st.integers() | st.text(), max_size=3
        ),
        max_size=30,
    )
)
def test_any_rows_come_through_json_lines(rows: list[dict[str, Any]]) -> None:
    directory = Path(os.environ["ROW_FILES"])
    source = write_lines(directory / "in.jsonl", rows)
    assert map_file(lambda **row: row, source, directory / "out.jsonl").rows == len(rows)
    assert [json.loads(line) for line in (directory / "out.jsonl").read_bytes().split(b"\n")[:-1]] == rows


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROW_FILES", str(tmp_path))


def test_large_parquet_files_are_read_and_written_in_groups(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    count = 2 * ROW_GROUP + 7
    parquet.write_table(arrow.Table.from_pylist([{"n": number} for number in range(count)]), tmp_path / "in.parquet")
    map_file(lambda n: {"double": 2 * n}, tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert [result["double"] for result, _ in read_results(tmp_path / "out.parquet")] == [2 * n for n in range(count)]
    assert parquet.ParquetFile(tmp_path / "out.parquet").num_row_groups == 3


KILLED = """
import os, sys, oai
from oai.helpers.bulk.row_files import map_file
base, source, target, journal = sys.argv[1:]
client = oai.OpenAI(api_key="k", base_url=base)
map_file(client.chat.completions.create, source, target, concurrency=1, journal=journal,
    progress=lambda done, total: os._exit(9) if done == 6 else None)
"""


def test_killed_map_of_a_file_resumes_without_sending_a_row_twice(
    create: Any, server: Loopback, tmp_path: Path
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [row(str(number)) for number in range(20)])
    paths = [str(source), str(tmp_path / "out.jsonl"), str(tmp_path / "j")]
    assert subprocess.run([sys.executable, "-c", KILLED, f"{server.url}/v1", *paths], check=False).returncode == 9
    sent = len(server.requests)
    assert 6 <= sent < 20
    map_file(create, source, tmp_path / "out.jsonl", journal=tmp_path / "j")
    assert texts(tmp_path / "out.jsonl") == [f"re: {number}" for number in range(20)]
    # The row in flight when the process died may have been sent without its response being kept.
    assert len(server.requests) <= 21


def test_failed_rows_are_sent_again_and_others_come_from_the_journal(
    create: Any, server: Loopback, tmp_path: Path
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [row("a"), row("bad luck"), row("c")])
    options: dict[str, Any] = {"errors": "return", "journal": tmp_path / "j"}
    assert map_file(create, source, tmp_path / "out.jsonl", **options) == (3, 1)
    server.default = Answer(json=chat("better"))
    assert map_file(create, source, tmp_path / "out.jsonl", **options) == (3, 0)
    assert texts(tmp_path / "out.jsonl") == ["re: a", "better", "re: c"]
    assert len(server.requests) == 4
