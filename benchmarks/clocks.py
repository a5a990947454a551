"""How time is taken: whoever is compared takes turns, so that a slow minute of the machine meets all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Times = dict[str, list[float]]
"""For each rival a number for each round: seconds, or KB of memory."""

LONG = 0.1
"""Seconds that a rival's turn takes at most, if one call takes less: who is slow is called less often."""


def interleaved(
    measured: Mapping[str, Callable[[], Any]],
    rounds: int,
    repeat: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
    after: Callable[[], Any] = lambda: None,
) -> Times:
    """Time each function in turn, `rounds` times up to `repeat` calls, and return the seconds for one call by round.

    Args:
        measured: the functions by the names of the rivals.
        rounds: how often each has its turn.
        repeat: calls in a turn.
        clock: `time.process_time` counts this process's processor instead.
        after: is called after each turn, when the clock stands still.
    """
    repeats = {name: min(repeat, max(1, int(LONG / _warm(function)))) for name, function in measured.items()}
    after()
    times: Times = {name: [] for name in measured}
    for _ in range(rounds):
        for name, function in measured.items():
            began = clock()
            for _ in range(repeats[name]):
                function()
            times[name].append((clock() - began) / repeats[name])
            after()
    return times


def _warm(function: Callable[[], Any]) -> float:
    """Call a function, since connections, caches and lazy imports are not what is measured; return its seconds."""
    for _ in range(3):
        began = time.perf_counter()
        function()
        taken = time.perf_counter() - began
        if taken > LONG:
            break
    return taken


class Point(NamedTuple):
    """What a thing of some size takes: seconds on the wall and of this process's processor; medians over rounds."""

    size: float
    wall: float
    low: float
    high: float
    cpu: float


def point(size: float, walls: list[float], cpus: list[float]) -> Point:
    """Return the median and the quartiles of the rounds."""
    low, middle, high = statistics.quantiles(walls, n=4, method="inclusive") if len(walls) > 1 else walls * 3
    return Point(size, middle, low, high, statistics.median(cpus))


def by_size(cases: Mapping[int, Callable[[], Any]], rounds: int, *, per: int = 1) -> list[Point]:
    """Time functions by their size, each in its turn.

    Args:
        cases: the functions.
        rounds: how often each has its turn, of a fifth of `LONG`.
        per: how many of what is measured a function does.
    """
    repeats = {size: min(200, max(1, int(LONG / 5 / _warm(function)))) for size, function in cases.items()}
    walls: dict[int, list[float]] = {size: [] for size in cases}
    cpus: dict[int, list[float]] = {size: [] for size in cases}
    for _ in range(rounds):
        for size, function in cases.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(repeats[size]):
                function()
            walls[size].append((time.perf_counter() - wall) / repeats[size] / per)
            cpus[size].append((time.process_time() - cpu) / repeats[size] / per)
    return [point(size, walls[size], cpus[size]) for size in cases]


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
    run(code)
    return time.perf_counter() - began


def run(code: str, directory: str | os.PathLike[str] = ".") -> str:
    """Run Python's source in a fresh process that imports from a directory, and return what it prints."""
    # Modules are compiled once, as they are where the package is installed.
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONDONTWRITEBYTECODE", "OAI_TABLE"}}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, env=clean, cwd=directory, stdout=subprocess.PIPE, text=True).stdout
