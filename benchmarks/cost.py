"""The cost model: what a call takes as the table, the bodies, the events and the callers grow.

Each curve is a start, a call or a stream at growing sizes, over the same server as all else, with the simplest line
through its medians (`fit`). Each size has its turn in each round.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import oai
from benchmarks import rivals, tables
from benchmarks.clocks import Point, by_size
from benchmarks.fit import Fit, fit, steepest
from oai._table.load import shipped_table


class Sizes(NamedTuple):
    """The sizes that are measured, and the rounds."""

    rows: tuple[int, ...]
    messages: tuple[int, ...]
    kilobytes: tuple[int, ...]
    events: tuple[int, ...]
    callers: tuple[int, ...]
    rounds: int


TWO_A_DECADE = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


def full() -> Sizes:
    """Return the sizes of the page."""
    return Sizes(
        rows=(len(shipped_table()), 1000, 2000, 4000, 8000, 16_000),
        messages=TWO_A_DECADE,
        kilobytes=(1, 3, 10, 30, 100, 300, 1000, 2000, 3000, 5000, 10_000),
        events=tuple(10 * each for each in TWO_A_DECADE),
        callers=(1, 2, 4, 8, 16, 32, 64, 128, 256),
        rounds=11,
    )


def quick() -> Sizes:
    """Return sizes that take a few seconds."""
    return Sizes((len(shipped_table()), 1600), (1, 100), (1, 100), (10, 1000), (1, 8), 3)


class Curve(NamedTuple):
    """What was measured by a size: `unit` says of what there are more and more."""

    name: str
    title: str
    unit: str
    points: list[Point]

    @property
    def sizes(self) -> list[float]:
        return [each.size for each in self.points]

    @property
    def each(self) -> str:
        """One unit, as in "3 µs an event"."""
        return f"{'an' if self.unit[0] in 'aeiou' else 'a'} {self.unit}"

    @property
    def units(self) -> str:
        """Several of them."""
        return self.unit if self.unit.isupper() else f"{self.unit}s"

    @property
    def wall(self) -> Fit:
        """The line through the times on the wall."""
        return fit(self.sizes, [each.wall for each in self.points])

    @property
    def cpu(self) -> Fit:
        """The line through the times of this process's processor."""
        return fit(self.sizes, [each.cpu for each in self.points])

    @property
    def steepest(self) -> float:
        """The power of the size with which the time grows over its last tenfold."""
        return steepest(self.sizes, [each.wall for each in self.points])


def curves(port: int, sizes: Sizes) -> Iterator[Curve]:
    """Measure every curve in turn."""
    yield from _table(port, sizes)
    yield from _bodies(f"http://127.0.0.1:{port}", sizes)
    yield _threads(port, sizes)
    yield _tasks(port, sizes)


def _table(port: int, sizes: Sizes) -> Iterator[Curve]:
    with tempfile.TemporaryDirectory() as scratch:
        found, read = tables.grown(port, sizes.rows, sizes.rounds, Path(scratch))
    yield Curve("start", "import and construct", "row", found["start"])
    yield Curve("first_call", "the first call", "row", found["first_call"])
    yield Curve("later_call", "a later call", "row", found["later_call"])
    yield Curve("read", "read the TOML, once", "row", read)


def _bodies(base: str, sizes: Sizes) -> Iterator[Curve]:
    call = _client(f"{base}/v1").chat.completions.create
    cases = {size: _sent(call, size) for size in sizes.messages}
    yield Curve("request", "a request of messages", "message", by_size(cases, sizes.rounds))
    cases = {size: _received(base, "text", size) for size in sizes.kilobytes}
    yield Curve("text", "an answer that is one text", "KB", by_size(cases, sizes.rounds))
    cases = {size: _received(base, "files", size) for size in sizes.kilobytes}
    yield Curve("objects", "an answer of small objects", "KB", by_size(cases, sizes.rounds))
    cases = {size: _streamed(base, size) for size in sizes.events}
    yield Curve("stream", "a stream of events", "event", by_size(cases, sizes.rounds))


def _client(url: str) -> Any:
    return oai.OpenAI(api_key="none", base_url=url, max_body=None)


def _sent(call: Callable[..., Any], size: int) -> Callable[[], Any]:
    messages = [
        {"role": "user", "content": f"Why is the sky blue, asked for the {each}th time?"} for each in range(size)
    ]
    return lambda: call(model="gpt-5", messages=messages)


def _received(base: str, kind: str, size: int) -> Callable[[], Any]:
    client = _client(f"{base}/{kind}/{size}")
    if kind == "files":
        return client.files.list  # type: ignore[no-any-return]
    return lambda: client.chat.completions.create(model="gpt-5", messages=rivals.MESSAGES)


def _streamed(base: str, size: int) -> Callable[[], Any]:
    client = _client(f"{base}/events/{size}")

    def read() -> None:
        count = sum(1 for _ in client.chat.completions.create(model="gpt-5", messages=rivals.MESSAGES, stream=True))
        if count != size:
            raise RuntimeError(f"{count} events came, not {size}")

    return read


EACH = 4
"""Calls that each caller makes one after the other, so that starting the callers is little of it."""


def _threads(port: int, sizes: Sizes) -> Curve:
    client = _client(f"http://127.0.0.1:{port}/v1")

    def calls(_: int) -> None:
        for _ in range(EACH):
            client.chat.completions.create(model="gpt-5", messages=rivals.MESSAGES)

    def together(pool: ThreadPoolExecutor, size: int) -> Callable[[], Any]:
        return lambda: list(pool.map(calls, range(size)))

    pools = {size: ThreadPoolExecutor(size) for size in sizes.callers}
    cases = {size: together(pool, size) for size, pool in pools.items()}
    points = by_size(cases, sizes.rounds, per=EACH)
    for pool in pools.values():
        pool.shutdown()
    client.close()
    return Curve("threads", "a call of each of many threads", "thread", points)


def _tasks(port: int, sizes: Sizes) -> Curve:
    client: Any = oai.AsyncOpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1")

    async def calls() -> None:
        for _ in range(EACH):
            await client.chat.completions.create(model="gpt-5", messages=rivals.MESSAGES)

    async def together(size: int) -> None:
        await asyncio.gather(*(calls() for _ in range(size)))

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        cases = {size: _run(loop, together, size) for size in sizes.callers}
        points = by_size(cases, sizes.rounds, per=EACH)
        loop.run_until_complete(client.close())
    return Curve("tasks", "a call of each of many tasks", "task", points)


def _run(loop: asyncio.AbstractEventLoop, together: Callable[[int], Any], size: int) -> Callable[[], Any]:
    return lambda: loop.run_until_complete(together(size))
