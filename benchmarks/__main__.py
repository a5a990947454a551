"""Run the benchmarks: all measures, or `--cost`, or `--memory`; the exit status is 1 if a bound is missed."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import chart, cost, cost_chart, cost_text, crowd, memory, page
from benchmarks.judge import BOUNDS, grown, judge, report, shown
from benchmarks.measures import measures
from benchmarks.server import PINS, pin, running

if TYPE_CHECKING:
    from benchmarks.clocks import Times

Outcome = tuple[dict[str, Any], list[str]]
"""Results by name, and what is missed."""

MOST_REPEATS = 4
"""How often a measure that misses a bound is repeated."""


def compare(port: int, server: int, options: argparse.Namespace) -> Outcome:
    """Measure `oai` against its rivals."""
    print("client and server on one core, crowds on one each" if PINS else "not pinned to cores")
    results: dict[str, Any] = {}
    failed = []
    for name, measure in measures(port, quick=options.quick):
        if options.only and name not in options.only:
            continue
        pin(server, together=name not in crowd.MEASURES)
        times, results[name], missed = judged(name, measure, quick=options.quick)
        report(name, times, results[name], missed)
        failed += [f"{BOUNDS[name]['title']}: {what}" for what in missed]
    if options.chart:
        options.chart.write_text(chart.draw(results, versions()), encoding="utf-8")
    page.fill(options.page, _contents(results))
    return results, failed


def _contents(results: dict[str, Any]) -> dict[str, str]:
    """Return the contents of the places on pages: the table, and the sentence if all of its measures were taken."""
    contents = {"results": f"{page.table(results, BOUNDS, _shown)}\n\n{versions()}."}
    if all("times" in results.get(name, {}) for name in page.SUMMARY):
        contents["summary"] = page.summary(results, importlib.metadata.version("openai"))
    return contents


def _shown(median: float, name: str) -> str:
    return shown(median, name) if name == "memory" else cost_text.shown(median)


def judged(name: str, measure: Callable[[], Times], *, quick: bool) -> tuple[Times, dict[str, Any], list[str]]:
    """Measure and judge; if a bound is missed, add further rounds, among which those of a busy moment are few."""
    times = measure()
    result, missed = judge(name, times, quick=quick)
    for _ in range(MOST_REPEATS):
        if not missed:
            break
        for rival, rounds in measure().items():
            times[rival] += rounds
        result, missed = judge(name, times, quick=quick)
    return times, result, missed


def growing_cost(port: int, _: int, options: argparse.Namespace) -> Outcome:
    """Measure what a call costs as things grow."""
    curves, failed, most = [], [], BOUNDS["cost"]["power"]
    for curve in cost.curves(port, cost.quick() if options.quick else cost.full()):
        print(cost_text.report(curve, most), flush=True)
        curves.append(curve)
        if curve.steepest > most:
            failed.append(
                f"{curve.title}: grows with the power {curve.steepest:.2f} of the {curve.units}, at most {most}"
            )
    if options.chart:
        options.chart.write_text(cost_chart.draw(curves, versions()), encoding="utf-8")
    page.fill(options.page, {"cost": f"{cost_text.page(curves)}\n\n{versions()}."})
    results = {
        each.name: {"title": each.title, "unit": each.unit, "wall": each.wall._asdict(), "cpu": each.cpu._asdict()}
        | {"points": [point._asdict() for point in each.points]}
        for each in curves
    }
    return {"cost": results}, failed


def growing_memory(port: int, _: int, options: argparse.Namespace) -> Outcome:
    """Measure by how much long use grows the peak of memory."""
    sizes = memory.QUICK if options.quick else memory.FULL
    results, failed = {}, []
    print("\ngrowth of the peak resident size of a process that is warm")
    for name, kilobytes in memory.growth(port, sizes):
        line, missed = grown(name, kilobytes)
        print(line, flush=True)
        results[name] = kilobytes
        failed += [f"{name}: {what}" for what in missed]
    return {"growth": results}, failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.memory and (options.chart or options.page):
        parser.error("--memory draws no chart and writes no page; --save keeps its figures")
    try:  # before anything is measured
        for file in options.page:
            page.check(file, ["cost"] if options.cost else ["results", "summary"])
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(versions())
    measure = growing_cost if options.cost else growing_memory if options.memory else compare
    with running() as (port, server):
        results, failed = measure(port, server, options)
    if options.save:
        saved = json.dumps({"versions": versions(), "results": results}, indent=2) + "\n"
        options.save.write_text(saved, encoding="utf-8")
    print("\n" + ("\n".join(["missed:", *failed]) if failed else "all bounds hold"))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer measures, rounds and sizes, and wider bounds, for CI"
    )
    parser.add_argument("--save", type=Path, help="write the results and the versions to this file, as JSON")
    parser.add_argument("--chart", type=Path, help="draw the results into this file, as SVG")
    parser.add_argument(
        "--page", type=Path, nargs="+", default=[], help="put the results into their places in these Markdown files"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--only", nargs="+", metavar="NAME", help="measures of bounds.toml, instead of all")
    what.add_argument("--cost", action="store_true", help="what a call costs as table, bodies, events, callers grow")
    what.add_argument("--memory", action="store_true", help="memory over long streams, large bodies, many calls")
    return parser


def versions() -> str:
    """Return what was measured, on what, and when."""
    found = [f"{platform.python_implementation()} {platform.python_version()}"]
    for name in ("oai", "msgspec", "urllib3", "aiohttp", "httpx", "httpx2", "pyreqwest", "litellm", "openai"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{', '.join(found)}; {machine}; {dt.datetime.now(tz=dt.UTC):%Y-%m-%d}"


if __name__ == "__main__":
    sys.exit(main())
