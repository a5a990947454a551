"""What measures come to, and which of their bounds (`bounds.toml`) they miss."""

from __future__ import annotations

import math
import statistics
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.rivals import OFFICIAL, OURS, SOCKET

if TYPE_CHECKING:
    from benchmarks.clocks import Times

BOUNDS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "bounds.toml").read_text(encoding="utf-8"))


def judge(name: str, times: Times, *, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """Return what a measure came to, and which of its bounds it misses."""
    bound = BOUNDS[name]
    medians = {rival: statistics.median(values) for rival, values in times.items()}

    def ratio(one: str, other: str) -> float:
        """Compare two rivals round by round, in which the machine was as slow for one as for the other."""
        return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))

    result: dict[str, Any] = {"medians": medians, "title": bound["title"]}
    if bound.get("limit") in medians:
        result["of_limit"] = ratio(OURS, bound["limit"])
    result["beside"] = {rival: ratio(OURS, rival) for rival in bound.get("beside", ()) if rival in medians}
    if OFFICIAL in medians:
        result["times"] = ratio(OFFICIAL, OURS)
    if "server" in bound and SOCKET in medians:
        result["server"] = ratio(OURS, SOCKET)
    most = bound.get("quick" if quick else "most", math.inf)
    missed = []
    if result.get("of_limit", 0) > most:
        missed.append(f"{result['of_limit']:.2f} of {bound['limit']}, at most {most}")
    return result, missed + ([] if quick else _others_missed(result, bound))


def _others_missed(result: dict[str, Any], bound: dict[str, Any]) -> list[str]:
    """Return which bounds are missed besides that of the limit."""
    missed = [
        f"{found:.2f} of {rival}, at most {bound['beside'][rival]}"
        for rival, found in result["beside"].items()
        if found > bound["beside"][rival]
    ]
    if result.get("times", math.inf) < bound.get("times", 0):
        missed.append(f"{result['times']:.1f} times faster than the {OFFICIAL}, at least {bound['times']}")
    if result.get("server", math.inf) < bound.get("server", 0):
        missed.append(f"the server is only {result['server']:.1f} times as fast, at least {bound['server']}")
    ours = result["medians"][OURS] * 1e6
    if ours > bound.get("most_us", math.inf):
        missed.append(f"{ours:.0f} us, at most {bound['most_us']}")
    return missed


def report(name: str, times: Times, result: dict[str, Any], missed: list[str]) -> None:
    """Print the medians, the spread, the ratios, and what is missed."""
    bound, medians = BOUNDS[name], result["medians"]
    print(f"\n{bound['title']}")
    for rival, median in medians.items():
        spread = "" if len(times[rival]) < 2 else _spread(times[rival])
        print(f"  {rival:24} {shown(median, name):>12} {spread:>24}")
    held = []
    if "of_limit" in result:
        held.append(f"{result['of_limit']:.2f} of {bound['limit']} (at most {bound.get('most', '-')})")
    held += [f"{found:.2f} of {rival} (at most {bound['beside'][rival]})" for rival, found in result["beside"].items()]
    if "times" in result:
        held.append(f"{result['times']:.1f} times less than the {OFFICIAL} (at least {bound.get('times', '-')})")
    if "server" in result:
        answered = f"the server answers {1 / medians[SOCKET]:,.0f} requests a second of a {SOCKET}"
        print(f"  {answered}, {result['server']:.1f} times those of {OURS} (at least {bound['server']})")
    print(f"  {OURS}: {'; '.join(held)}{'   MISSED: ' + '; '.join(missed) if missed else ''}")


def _spread(values: list[float]) -> str:
    low, _, high = statistics.quantiles(values, n=4)
    return f"{low * 1e6:,.1f} to {high * 1e6:,.1f}"


def shown(median: float, name: str) -> str:
    """Return a median with its unit."""
    return f"{median / 1024:,.1f} MB" if name == "memory" else f"{median * 1e6:,.1f} us"


def grown(name: str, kilobytes: float) -> tuple[str, list[str]]:
    """Return a line to print of what the peak of memory grew by, and which bound it misses."""
    megabytes, most = kilobytes / 1024, BOUNDS["growth"]["concurrent_mb" if "concurrent" in name else "most_mb"]
    missed = [] if megabytes <= most else [f"memory grows by {megabytes:.1f} MB, at most {most}"]
    return f"  {name:32} {megabytes:8.1f} MB more (at most {most}){'   MISSED' if missed else ''}", missed
