"""The benchmarks as a command: sizes that take seconds, lines through known points, and bounds that are missed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT

from benchmarks import chart, clocks, judge, local, page, rivals, server, tables
from benchmarks.__main__ import judged, main
from benchmarks.cost_text import line, shown
from benchmarks.fit import Fit, fit, steepest
from oai._table.load import load_table, shipped_table

SIZES = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]

seconds = st.floats(1e-7, 1.0)


@given(seconds)
def test_a_constant_cost_is_found(fixed: float) -> None:
    found = fit(SIZES, [fixed] * len(SIZES))
    assert found.fixed == pytest.approx(fixed)
    assert (found.unit, found.more) == (0, 0)


@given(seconds, st.floats(0.01, 1e3))
def test_a_straight_line_is_recovered(fixed: float, growth: float) -> None:
    unit = fixed * growth
    found = fit(SIZES, [fixed + unit * size for size in SIZES])
    assert found.fixed == pytest.approx(fixed, rel=1e-3)
    assert found.unit == pytest.approx(unit, rel=1e-6)
    assert found.more == 0
    assert found.holds


@given(seconds)
def test_a_knee_is_recovered(unit: float) -> None:
    fixed, more = unit * 50, unit * 5
    found = fit(SIZES, [fixed + unit * size + more * max(0, size - 300) for size in SIZES])
    assert found.knee == 300
    assert found.residual < 1e-6
    assert (found.fixed, found.unit, found.more) == pytest.approx((fixed, unit, more))


@given(st.lists(seconds, min_size=1, max_size=len(SIZES)))
def test_costs_are_never_negative(measured: list[float]) -> None:
    sizes = SIZES[: len(measured)]
    found = fit(sizes, measured)
    assert min(found.fixed, found.unit, found.more) >= 0
    assert found.residual == pytest.approx(max(abs(found.at(x) / y - 1) for x, y in zip(sizes, measured, strict=True)))


def test_an_outlier_is_reported() -> None:
    measured = [1e-3] * len(SIZES)
    measured[4] = 1e-2
    found = fit(SIZES, measured)
    assert not found.holds
    assert found.residual > 0.5


@given(st.floats(0.1, 3.0))
def test_the_power_of_the_last_tenfold(power: float) -> None:
    assert steepest(SIZES, [1e-6 * size**power for size in SIZES]) == pytest.approx(power)
    assert steepest([4, 8], [4.0**power, 8.0**power]) == pytest.approx(power)


def test_lines_and_times_in_words() -> None:
    assert line(Fit(209e-6, 559e-9, 3000, 403e-9), "a KB") == "209 µs + 559 ns a KB, 962 ns above 3k"
    assert line(Fit(140e-6, 0.0, 100, 377e-9), "a message") == "140 µs, 377 ns a message above 100"
    assert line(Fit(0.0, 1.4e-6), "an event") == "1.40 µs an event"
    assert [shown(value) for value in (2, 0.0335, 1.2e-3, 25.44e-6, 7e-9)] == [
        "2.00 s",
        "33.5 ms",
        "1.20 ms",
        "25.4 µs",
        "7.00 ns",
    ]


def test_a_ratio_above_its_bound_is_missed() -> None:
    slow = {rivals.SOCKET: [1e-4], "tight urllib3": [4e-4], rivals.OURS: [4e-4], rivals.OFFICIAL: [2e-3]}
    result, missed = judge.judge("call", slow, quick=False)
    assert result["of_limit"] == pytest.approx(4)
    assert result["beside"] == {"tight urllib3": pytest.approx(1)}
    assert missed == [
        "4.00 of bare socket, at most 3.5",
        "1.00 of tight urllib3, at most 0.9",
        "5.0 times faster than the official SDK, at least 6",
    ]
    assert judge.judge("call", slow, quick=True)[1] == []  # which has a bound of its own
    assert judge.judge("call", {**slow, rivals.OURS: [7e-4]}, quick=True)[1] == ["7.00 of bare socket, at most 6"]


@pytest.mark.parametrize(("busy", "missed"), [(9, 0), (18, 0), (45, 1)])
def test_a_measure_that_misses_a_bound_gets_more_rounds(busy: int, missed: int) -> None:
    """In a busy round one's turn takes longer than the other's; what is slow in all rounds remains missed."""
    taken: list[int] = []

    def measure() -> dict[str, list[float]]:
        taken.append(9)
        return {rivals.SOCKET: [1e-4] * 9, rivals.OURS: [(1e-4, 2e-3)[sum(taken) <= busy]] * 9}

    times, result, complaints = judged("call", measure, quick=True)
    assert len(complaints) == missed
    assert {len(rounds) for rounds in times.values()} == {sum(taken)}
    assert sum(taken) == {9: 27, 18: 45, 45: 45}[busy]
    assert result["of_limit"] == pytest.approx((1, 20)[missed])


def test_a_server_that_is_hardly_faster_than_the_client_misses_its_bound() -> None:
    taken = {rivals.SOCKET: [9e-5], "tight urllib3": [1e-4], rivals.OURS: [1e-4]}
    _, missed = judge.judge("threads", taken, quick=False)
    assert missed == ["the server is only 1.1 times as fast, at least 2"]


def test_every_measure_has_bounds_and_every_bound_a_measure() -> None:
    from benchmarks.measures import measures

    with server.running() as (port, _):
        names = [name for name, _ in measures(port, quick=False)]
    assert sorted([*names, "growth", "cost"]) == sorted(judge.BOUNDS)


def test_rounds_are_counted_and_a_slow_rival_runs_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(clocks, "time", SimpleNamespace(perf_counter=lambda: now))
    calls: list[str] = []
    ended: list[int] = []

    def take(name: str, seconds: float) -> None:
        nonlocal now
        now += seconds
        calls.append(name)

    measured = {"fast": lambda: take("fast", 0.01 * clocks.LONG), "slow": lambda: take("slow", 1.1 * clocks.LONG)}
    times = clocks.interleaved(measured, 2, 5, clock=lambda: now, after=lambda: ended.append(len(calls)))
    assert {name: len(rounds) for name, rounds in times.items()} == {"fast": 2, "slow": 2}
    assert calls == ["fast"] * 3 + ["slow"] + (["fast"] * 5 + ["slow"]) * 2
    assert ended == [4, 9, 10, 15, 16]


def test_a_grown_table_has_the_requested_number_of_rows(tmp_path: Path) -> None:
    shipped = len(shipped_table())
    file = tmp_path / "endpoints.toml"
    file.write_text(tables.table(2 * shipped + 10), encoding="utf-8")
    grown = load_table(str(file))
    assert len(grown) == 2 * shipped + 10
    copied = grown["more_0.chat.completions.create"]
    assert copied.params == shipped_table()["chat.completions.create"].params
    with pytest.raises(ValueError, match=f"has {shipped} rows, more than 3"):
        tables.table(3)


@pytest.mark.parametrize("kilobytes", [1, 100])
def test_the_server_sends_the_requested_size(kilobytes: int) -> None:
    import oai

    with server.running() as (port, _):
        base = f"http://127.0.0.1:{port}"
        for kind, call in (("text", "chat.completions.create"), ("files", "files.list")):
            with oai.OpenAI(api_key="none", base_url=f"{base}/{kind}/{kilobytes}") as client:
                options = {"model": "m", "messages": []} if kind == "text" else {}
                raw = client.with_raw_response.chat.completions if kind == "text" else client.with_raw_response.files
                reply = getattr(raw, call.rpartition(".")[2])(**options)
                assert len(reply.content) == pytest.approx(1000 * kilobytes, rel=0.2)
        with oai.OpenAI(api_key="none", base_url=f"{base}/events/{kilobytes + 7}") as client:
            assert sum(1 for _ in client.chat.completions.create(model="m", messages=[], stream=True)) == kilobytes + 7


def test_all_rivals_encode_the_same_data() -> None:
    encoded = {name: json.loads(function()) for name, function in local.encoding(official=True).items()}
    assert len(encoded) >= 2
    assert all(each == encoded[rivals.OURS] for each in encoded.values())


def test_the_chart_shows_every_bar_and_label_within_its_width() -> None:
    results = {
        str(times): {"title": f"{times} times", "times": times, "of_limit": 1 / times}
        for times in (1.0, 1.04, 9.9, 1158.2, 98765.0)
    }
    root = ET.fromstring(chart.draw(results, ", ".join(["a package 1.2.3"] * 20)))
    width = float(root.attrib["width"])
    place = "{http://www.w3.org/2000/svg}"
    bars = [rect for rect in root.iter(f"{place}rect") if rect.get("class") == "theirs" and rect.get("height") == "14"]
    assert len(bars) == len(results) + 1, "one of them in the legend"
    assert min(float(bar.attrib["width"]) for bar in bars) >= 2
    for text in root.iter(f"{place}text"):
        room = 6.6 * len(text.text or "") * {"end": -1.0, "middle": 0.5}.get(text.get("text-anchor", ""), 1.0)
        small = 0.8 if text.get("class") == "small" else 1.0
        assert 0 <= float(text.attrib["x"]) + room * small <= width, text.text


def test_a_page_keeps_the_text_around_its_marker(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- cost -->\nold\n<!-- /cost -->\nafter\n", encoding="utf-8")
    for content in ("new", "newer"):
        page.put(file, "cost", content)
        assert file.read_text(encoding="utf-8") == f"before\n<!-- cost -->\n{content}\n<!-- /cost -->\nafter\n"
    with pytest.raises(ValueError, match="has no one place for the results"):
        page.put(file, "results", "x")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("benchmarks/README.md", "cost"),
        ("docs/benchmarks.md", "results"),
        ("docs/index.md", "summary"),
        ("docs/why.md", "summary"),
        ("README.md", "summary"),
    ],
)
def test_the_pages_have_markers_for_the_results(file: str, name: str, tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    copy.write_text((ROOT / file).read_text(encoding="utf-8"), encoding="utf-8")
    page.fill([copy], {name: "here", "another": "there"})
    assert "here" in copy.read_text(encoding="utf-8")
    assert "there" not in copy.read_text(encoding="utf-8")


def test_the_sentence_on_the_pages_is_that_of_the_table() -> None:
    table = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    ratios = dict(re.findall(r"^\| (.+?) \| .* \| ([\d,.]+) \|$", table, re.MULTILINE))
    results = {name: {"times": float(ratios[judge.BOUNDS[name]["title"]])} for name in page.SUMMARY}
    version = re.search(r"openai ([\d.]+)", table)
    assert version is not None
    sentence = page.summary(results, version[1])
    for file in ("README.md", "docs/index.md", "docs/why.md"):
        before, _, after = (ROOT / file).read_text(encoding="utf-8").partition(f"\n{sentence}\n")
        assert before.endswith("<!-- summary -->"), file
        assert after.startswith("<!-- /summary -->"), file


@pytest.mark.thorough
def test_the_cost_as_a_command(tmp_path: Path) -> None:
    saved, drawn, written = tmp_path / "cost.json", tmp_path / "cost.svg", tmp_path / "page.md"
    written.write_text("<!-- cost -->\n<!-- /cost -->\n", encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "benchmarks", "--cost", "--quick"]
    command += ["--save", str(saved), "--chart", str(drawn), "--page", str(written)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == ("\nmissed:" in done.stdout)  # a machine that others use may be slow by turns
    curves = json.loads(saved.read_text(encoding="utf-8"))["results"]["cost"]
    assert list(curves) == [
        *("start", "first_call", "later_call", "read"),
        *("request", "text", "objects", "stream", "threads", "tasks"),
    ]
    for curve in curves.values():
        assert [each["size"] for each in curve["points"]] == sorted(each["size"] for each in curve["points"])
        assert all(each["wall"] > 0 for each in curve["points"])
        assert curve["title"] in written.read_text(encoding="utf-8")
    dots = ET.parse(drawn).getroot().findall(".//{http://www.w3.org/2000/svg}circle")
    points = sum(len(curve["points"]) for name, curve in curves.items() if name != "read")
    assert len(dots) == 2 * points + 2  # wall and CPU, and the legend's


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--cost"], "no one place for the results, from <!-- cost -->"), (["--memory"], "writes no page")],
)
def test_an_unwritable_file_is_reported_before_measuring(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.md").write_text("<!-- results --><!-- /results -->", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main([*more, "--page", str(tmp_path / "page.md")])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert message in printed.err
    assert printed.out == ""


def test_growth_of_memory_above_its_bound_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(judge.BOUNDS["growth"], "most_mb", -1)
    assert main(["--memory", "--quick"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("MISSED") == 10
    assert printed.count("(at most 100)") == 1
    assert "1,000 calls: memory grows by" in printed


@pytest.mark.thorough
def test_the_comparison_draws_and_saves_its_results(tmp_path: Path) -> None:
    drawn, written = tmp_path / "results.svg", tmp_path / "page.md"
    written.write_text("<!-- results -->\n<!-- /results -->\n", encoding="utf-8")
    files = ["--chart", str(drawn), "--page", str(written)]
    command = [sys.executable, "-m", "benchmarks", "--quick", *files, "--only", "call", "decode_lenient", "memory"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == ("\nmissed:" in done.stdout)
    assert "the server answers" in done.stdout
    for title in ("a small chat call", "decode a chat response with a new field", "peak memory of import and a call"):
        assert f"| {title} |" in written.read_text(encoding="utf-8")
    assert ET.parse(drawn).getroot().tag.endswith("svg")
