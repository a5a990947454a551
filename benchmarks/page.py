"""Pages that have places for what was measured: between `<!-- NAME -->` and `<!-- /NAME -->`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SUMMARY = {"start": "imports", "call": "makes a small call", "stream": "reads a stream"}
"""The measures of the sentence that compares oai with the official SDK, and their verbs."""


def fill(files: Iterable[Path], contents: Mapping[str, str]) -> None:
    """Put contents, by the names of their places, into the places that each page has."""
    for file in files:
        for name in places(file, contents):
            put(file, name, contents[name])


def places(file: Path, names: Iterable[str]) -> list[str]:
    """Return which of the named places a page has."""
    text = file.read_text(encoding="utf-8")
    return [name for name in names if f"<!-- {name} -->" in text]


def check(file: Path, names: Sequence[str]) -> None:
    """Check that a page has one of the named places, and none of them twice.

    Raises:
        OSError: the page cannot be read.
        ValueError: the page has no such place, or one of them several times.
    """
    for name in places(file, names) or names[:1]:
        around(file, name)


def put(file: Path, name: str, content: str) -> None:
    """Put content into its place on a page, instead of what is there.

    Raises:
        ValueError: the page has no such place, or several.
    """
    before, after = around(file, name)
    file.write_text(f"{before}\n{content}\n{after}", encoding="utf-8")


def around(file: Path, name: str) -> tuple[str, str]:
    """Return what stands before the place on a page, and after it, with the marks.

    Raises:
        ValueError: the page has no such place, or several.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = file.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{file} has no one place for the results, from {begin} to {end}")
    return text.partition(end)[0].partition(begin)[0] + begin, end + text.partition(end)[2]


def table(results: dict[str, dict[str, Any]], bounds: dict[str, dict[str, Any]], shown: Any) -> str:
    """Return the main results as a table in Markdown.

    Args:
        results: what `judge` returned, by the name of the measure.
        bounds: `bounds.toml`.
        shown: makes text of a median and the measure's name.
    """
    rows = [
        "| measure | oai | limit | oai / limit | library | oai / library | official SDK | SDK / oai |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        medians, bound = result["medians"], bounds[name]
        library, of_library = next(reversed((result["beside"] or {"": None}).items()))
        cells = [bound["title"], shown(medians["oai"], name)]
        cells += _rival(medians, name, bound.get("limit", ""), result.get("of_limit"), shown)
        cells += _rival(medians, name, library, of_library, shown)
        cells += [shown(medians["official SDK"], name), f"{result['times']:,.1f}"] if "times" in result else ["-", "-"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def summary(results: Mapping[str, Mapping[str, Any]], version: str) -> str:
    """Return one sentence of how much faster oai is than the official SDK, by the measures of `SUMMARY`.

    Args:
        results: what `judge` returned, by the name of the measure; those of `SUMMARY` among them.
        version: the official SDK's.
    """
    times = {name: round(results[name]["times"], 1) for name in SUMMARY}  # as in the table
    first, second, third = (f"{verb} {times[name]:.0f} times as fast" for name, verb in SUMMARY.items())
    return f"Compared with the official SDK {version}, `oai` {first}, {second}, and {third}."


def _rival(medians: dict[str, float], name: str, rival: str, ratio: float | None, shown: Any) -> list[str]:
    return ["-", "-"] if ratio is None else [f"{shown(medians[rival], name)} ({rival})", f"{ratio:.2f}"]
