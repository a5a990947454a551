"""Every measure by its name in `bounds.toml`, not begun yet: what is called, by whom, how often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import crowd, deployed, local, memory, rivals, stacked
from benchmarks.clocks import Times, interleaved, starts
from benchmarks.rivals import OFFICIAL, OURS

BARE_CALL = """
import msgspec, urllib3
from oai.types.chat import ChatCompletion
pool = urllib3.PoolManager().connection_from_url({url!r})
body = msgspec.json.encode({{"model": "m", "messages": []}})
msgspec.json.decode(pool.urlopen("POST", "/v1/chat/completions", body=body, retries=False).data, type=ChatCompletion)
"""

Measures = Iterator[tuple[str, Callable[[], Times]]]

QUICK = ("bare socket", "tight urllib3", OURS, OFFICIAL)
"""Who makes a small call in CI."""


def measures(port: int, *, quick: bool) -> Measures:
    """Yield every measure, in the order in which they are printed."""
    rounds = 9 if quick else 25
    clients = {"oai": OURS, "openai": OFFICIAL} if rivals.has("openai") else {"oai": OURS}
    yield from _fresh(f"http://127.0.0.1:{port}/v1", clients, 3 if quick else 25)
    if not quick:
        yield from deployed.measures(clients, 15)
    yield from _calls(port, quick=quick)
    yield from _local(9 if quick else 25, quick=quick)
    if not quick:
        yield "threads", lambda: crowd.in_threads(port, 60)
        yield "tasks", lambda: crowd.in_tasks(port, 60)
    yield "cache", lambda: stacked.transport_hits(port, rounds)
    yield "cache_call", lambda: stacked.hits(port, rounds)
    yield "cache_async", lambda: stacked.async_hits(port, rounds)
    yield "fallback", lambda: stacked.routed(port, rounds)
    for name in stacked.WRAPPED:
        yield name, partial(stacked.wrapped, port, rounds, name)
    yield "hook", lambda: stacked.observed(port, rounds)
    yield "tracing", lambda: stacked.traced(port, rounds)
    yield "client", lambda: interleaved(local.clients(), 9 if quick else 25, 20)
    yield "memory", lambda: _peaks(port, clients)


def _fresh(url: str, clients: dict[str, str], rounds: int) -> Measures:
    """Yield what happens in fresh processes."""
    made = {name: f"import {package}; {package}.OpenAI(api_key='none')" for package, name in clients.items()}
    called = {
        name: f"import {package}; {memory.CALL.format(package=package, url=url)}" for package, name in clients.items()
    }
    yield "start", lambda: starts({"import msgspec": "import msgspec", **made}, rounds)
    yield "first", lambda: starts({"bare urllib3": BARE_CALL.format(url=url), **called}, rounds)


def _calls(port: int, *, quick: bool) -> Measures:
    rounds = 9 if quick else 25

    def call(clock: Callable[[], float]) -> Times:
        return interleaved(rivals.calls(port, QUICK if quick else None), rounds, 40, clock=clock)

    yield "call", partial(call, time.perf_counter)
    yield "call_cpu", partial(call, time.process_time)
    yield "stream", lambda: interleaved(rivals.streams(port), rounds, 3)
    if not quick:
        yield "first_event", lambda: interleaved(rivals.first_events(port), rounds, 10, after=rivals.close_open)


def _local(rounds: int, *, quick: bool) -> Measures:
    """Yield what needs no network."""
    names = ("chat", "response", "files", "lenient", "embeddings", "embedding_arrays")
    for name, measured in zip(names, local.decoding().values(), strict=True):
        title, repeat = (name, 3) if name.startswith("embedding") else (f"decode_{name}", 50)
        yield title, partial(interleaved, measured, rounds, repeat)
    encoding = local.encoding(official=not quick)  # which takes a second
    yield "encode", lambda: interleaved(encoding, 9, 10)


def _peaks(port: int, clients: dict[str, str]) -> Times:
    found = memory.peaks(port, list(clients))
    return {name: [found[package]] for package, name in clients.items()}
