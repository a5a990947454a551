"""Run the benchmarks: `python -m benchmarks [--quick] [--save FILE] [--chart FILE] [--only NAME ...]`."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import chart, crowd, local, memory, rivals
from benchmarks.rivals import OFFICIAL, OURS
from benchmarks.server import running

BOUNDS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "bounds.toml").read_text())

Times = dict[str, list[float]]
"""For each rival a number for each round: seconds, or KB of memory."""

BARE_CALL = """
import msgspec, urllib3
from oai.types.chat import ChatCompletion
pool = urllib3.PoolManager().connection_from_url({url!r})
body = msgspec.json.encode({{"model": "m", "messages": []}})
msgspec.json.decode(pool.urlopen("POST", "/v1/chat/completions", body=body, retries=False).data, type=ChatCompletion)
"""


def interleaved(measured: dict[str, Callable[[], Any]], rounds: int, repeat: int) -> Times:
    """Time each function in turn, `rounds` times `repeat` calls, and return the seconds for one call by round."""
    times: Times = {name: [] for name in measured}
    for function in measured.values():
        for _ in range(3):
            function()  # connections, caches and lazy imports are not what is measured
    for _ in range(rounds):
        for name, function in measured.items():
            began = time.perf_counter()
            for _ in range(repeat):
                function()
            times[name].append((time.perf_counter() - began) / repeat)
            rivals.close_open()
    return times


def starts(codes: dict[str, str], rounds: int) -> Times:
    """Time fresh processes, less the interpreter's own start."""
    times: Times = {name: [] for name in codes}
    for _ in range(rounds):
        empty = _process("pass")
        for name, code in codes.items():
            times[name].append(_process(code) - empty)
    return times


def _process(code: str) -> float:
    began = time.perf_counter()
    # Modules are compiled once, as they are where the package is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return time.perf_counter() - began


def measures(port: int, *, quick: bool) -> Iterator[tuple[str, Callable[[], Times]]]:
    """Yield every measure by its name in `bounds.toml`, not begun yet."""
    rounds, few = (9, 3) if quick else (25, 15)
    url = f"http://127.0.0.1:{port}/v1"
    clients = {"oai": OURS, "openai": OFFICIAL} if rivals.has("openai") else {"oai": OURS}
    made = {name: f"import {package}; {package}.OpenAI(api_key='none')" for package, name in clients.items()}
    called = {
        name: f"import {package}; {memory.CALL.format(package=package, url=url)}" for package, name in clients.items()
    }
    yield "start", lambda: starts({"import msgspec": "import msgspec", **made}, few)
    yield "first", lambda: starts({"bare urllib3": BARE_CALL.format(url=url), **called}, few)
    calls = rivals.calls(port)
    if quick:
        calls = {name: call for name, call in calls.items() if name in ("tight urllib3", OURS, OFFICIAL)}
    yield "call", lambda: interleaved(calls, rounds, 40)
    yield "stream", lambda: interleaved(rivals.streams(port), rounds, 3)
    if not quick:
        yield "first_event", lambda: interleaved(rivals.first_events(port), rounds, 10)
    decodings = dict(
        zip(("chat", "response", "files", "lenient", "embeddings"), local.decoding().values(), strict=True)
    )
    for name, measured in decodings.items():
        title, repeat = ("embeddings", 3) if name == "embeddings" else (f"decode_{name}", 50)
        yield title, partial(interleaved, measured, rounds, repeat)
    yield "encode", lambda: interleaved(local.encoding(), rounds, 10)
    if not quick:
        yield "threads", lambda: crowd.in_threads(port, 7, 20)
        yield "tasks", lambda: crowd.in_tasks(port, 7, 20)
    yield "client", lambda: interleaved(local.clients(), rounds, 20)
    yield "memory", lambda: _peaks(port, clients)


def _peaks(port: int, clients: dict[str, str]) -> Times:
    found = memory.peaks(port, list(clients))
    return {name: [found[package]] for package, name in clients.items()}


def judge(name: str, times: Times, *, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """Return what a measure came to, and which of its bounds it misses."""
    bound = BOUNDS[name]
    medians = {rival: statistics.median(values) for rival, values in times.items()}
    ours = medians[OURS]
    missed = []
    result: dict[str, Any] = {"medians": medians, "title": bound["title"]}
    if bound.get("limit") in medians:
        result["of_limit"] = ours / medians[bound["limit"]]
        most = bound.get("quick") if quick else bound.get("most")
        if most is not None and result["of_limit"] > most:
            missed.append(f"{result['of_limit']:.2f} of {bound['limit']}, at most {most}")
    if OFFICIAL in medians:
        result["times"] = medians[OFFICIAL] / ours
        if not quick and result["times"] < bound.get("times", 0):
            missed.append(f"{result['times']:.1f} times faster than the {OFFICIAL}, at least {bound['times']}")
    if not quick and ours * 1e6 > bound.get("most_us", float("inf")):
        missed.append(f"{ours * 1e6:.0f} us, at most {bound['most_us']}")
    return result, missed


def report(name: str, times: Times, result: dict[str, Any], missed: list[str]) -> None:
    """Print the medians, the spread, the ratios, and what is missed."""
    bound, medians = BOUNDS[name], result["medians"]
    print(f"\n{bound['title']}")
    for rival, median in medians.items():
        spread = "" if len(times[rival]) < 2 else _spread(times[rival])
        print(f"  {rival:24} {_shown(median, name):>12} {spread:>24}")
    held = []
    if "of_limit" in result:
        held.append(f"{result['of_limit']:.2f} of {bound['limit']} (at most {bound.get('most', '-')})")
    if "times" in result:
        held.append(f"{result['times']:.1f} times less than the {OFFICIAL} (at least {bound.get('times', '-')})")
    print(f"  {OURS}: {'; '.join(held)}{'   MISSED: ' + '; '.join(missed) if missed else ''}")


def _spread(values: list[float]) -> str:
    low, _, high = statistics.quantiles(values, n=4)
    return f"{low * 1e6:,.1f} to {high * 1e6:,.1f}"


def _shown(median: float, name: str) -> str:
    return f"{median / 1024:,.1f} MB" if name == "memory" else f"{median * 1e6:,.1f} us"


def main() -> int:
    """Run the command line and return the exit status: 1 if a bound is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer measures and rounds, and wider bounds, for CI")
    parser.add_argument("--save", type=Path, help="write the results and the versions to this file, as JSON")
    parser.add_argument("--chart", type=Path, help="draw the results into this file, as SVG")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measures of bounds.toml, instead of all")
    parser.add_argument("--memory", action="store_true", help="measure long streams and large bodies, too (a minute)")
    options = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}, {_versions()}")
    results: dict[str, Any] = {}
    failed = []
    with running() as port:
        for name, measure in measures(port, quick=options.quick):
            if options.only and name not in options.only:
                continue
            times = measure()
            results[name], missed = judge(name, times, quick=options.quick)
            report(name, times, results[name], missed)
            failed += [f"{BOUNDS[name]['title']}: {what}" for what in missed]
        if options.memory:
            grown = memory.growth(port, calls=100_000, events=1_000_000, size=1 << 30)
            results["growth"] = grown
            print("\ngrowth of the peak resident size")
            for name, kilobytes in grown.items():
                print(f"  {name:32} {kilobytes / 1024:8.1f} MB")
    if options.save:
        options.save.write_text(json.dumps({"versions": _versions(), "results": results}, indent=2) + "\n")
    if options.chart:
        options.chart.write_text(chart.draw(results, _versions()))
    print("\n" + ("\n".join(["missed:", *failed]) if failed else "all bounds hold"))
    return 1 if failed else 0


def _versions() -> str:
    names = ["oai", "msgspec", "urllib3", "aiohttp", "pyreqwest", "openai"]
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    sys.exit(main())
