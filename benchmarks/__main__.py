"""Run the benchmarks and print their ratios: `python -m benchmarks [--quick] [--save FILE]`."""

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import rivals
from benchmarks.server import EVENTS, running

OFFICIAL = "official SDK"

BOUNDS = {"call": 1.5, "stream of 200 events": 2.0}
"""The most that oai may take of what bare urllib3 with msgspec takes; CI fails above it, and never for a time."""

STARTS = {
    "bare msgspec": "import msgspec",
    "oai": "import oai; oai.OpenAI(api_key='none')",
    OFFICIAL: "import openai; openai.OpenAI(api_key='none')",
}


def interleaved(measured: dict[str, Callable[[], Any]], rounds: int, repeat: int) -> dict[str, list[float]]:
    """Time each function in turn, `rounds` times `repeat` calls, and return the seconds for one call by round."""
    times: dict[str, list[float]] = {name: [] for name in measured}
    for function in measured.values():
        for _ in range(3):
            function()  # connections, caches and lazy imports are not what is measured
    for _ in range(rounds):
        for name, function in measured.items():
            began = time.perf_counter()
            for _ in range(repeat):
                function()
            times[name].append((time.perf_counter() - began) / repeat)
    return times


def starts(rounds: int) -> dict[str, list[float]]:
    """Time fresh processes that import and construct a client, less the interpreter's own start."""
    codes = {name: code for name, code in STARTS.items() if name != OFFICIAL or rivals.has_official()}
    times: dict[str, list[float]] = {name: [] for name in codes}
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


def report(title: str, times: dict[str, list[float]], limit: str) -> dict[str, float]:
    """Print the medians, the spread, and the ratios to the limit and to the official SDK."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"\n{title}")
    print(f"  {'':24} {'median':>11} {'quartiles':>23} {'of the limit':>13} {'faster than SDK':>16}")
    for name, median in medians.items():
        low, _, high = statistics.quantiles(times[name], n=4)
        faster = f"{medians[OFFICIAL] / median:.1f} x" if OFFICIAL in medians else "-"
        spread = f"{low * 1e6:,.0f} to {high * 1e6:,.0f}"
        print(f"  {name:24} {median * 1e6:>8,.0f} us {spread:>23} {median / medians[limit]:>13.2f} {faster:>16}")
    return medians


def main() -> int:
    """Run the command line and return the exit status: 1 if a ratio is over its bound."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for CI")
    parser.add_argument("--save", type=Path, help="write the medians and the versions to this file, as JSON")
    options = parser.parse_args()
    rounds = 9 if options.quick else 25
    results: dict[str, dict[str, float]] = {}
    print(f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}, {_versions()}")
    with running() as port:
        limit = "bare urllib3 + msgspec"
        results["call"] = report("a small chat call", interleaved(rivals.calls(port), rounds, 40), limit)
        title = f"a streamed chat answer of {EVENTS} events, read to its end"
        results["stream of 200 events"] = report(title, interleaved(rivals.streams(port), rounds, 3), limit)
    results["start"] = report("import and construct a client", starts(5 if options.quick else 15), "bare msgspec")
    if options.save:
        options.save.write_text(json.dumps({"versions": _versions(), "seconds": results}, indent=2) + "\n")
    return _check(results)


def _check(results: dict[str, dict[str, float]]) -> int:
    failed = 0
    for name, bound in BOUNDS.items():
        ratio = results[name]["oai"] / results[name]["bare urllib3 + msgspec"]
        if ratio > bound:
            failed = 1
            print(f"\n{name}: oai takes {ratio:.2f} of the bare library's time, which is over the bound of {bound}")
    return failed


def _versions() -> str:
    names = ["oai", "msgspec", "urllib3", "openai"]
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    sys.exit(main())
