"""Memory, measured in fresh processes: the peak of one call, and that long streams and large bodies keep it flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.clocks import run

PEAK = "from benchmarks.memory import peak; print(peak())"

CALL = "c = {package}.OpenAI(api_key='none', base_url={url!r}); c.chat.completions.create(model='m', messages=[])"


def peak() -> int:
    """Return the peak resident size of this process in KB.

    Linux alone says it for the program that runs; `getrusage` counts what the parent had when it made the process.
    """
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


def peaks(port: int, packages: list[str]) -> dict[str, float]:
    """Return the peak resident size in KB of a process that imports a package and makes one call."""
    url = f"http://127.0.0.1:{port}/v1"
    found = {"the interpreter": _kilobytes(PEAK)}
    for package in packages:
        found[package] = _kilobytes(f"import {package}; {CALL.format(package=package, url=url)}; {PEAK}")
    return found


class Sizes(NamedTuple):
    """How much is done."""

    calls: int
    events: int
    """Of one stream."""
    body: int
    """Bytes."""
    clients: int
    """Each made, used for one call and dropped."""
    abandoned: int
    """Streams that are left at a random event: closed, collected as garbage, or, async, cancelled."""
    concurrent: int
    """Async streams at a time."""


FULL = Sizes(100_000, 1_000_000, 1 << 30, 20_000, 50_000, 1000)
QUICK = Sizes(1000, 10_000, 64 << 20, 300, 300, 50)


def growth(port: int, sizes: Sizes) -> Iterator[tuple[str, float]]:
    """Yield by how many KB the peak resident size of a process grows with long use.

    The processes check what they receive, and that neither connections nor tasks are left over.
    """
    megabytes = f"{sizes.body >> 20:,} MB"
    events, body = f"events/{sizes.events}", f"bytes/{sizes.body}"
    yield f"{sizes.calls:,} calls", _grown(port, "v1", sizes.calls, CALLS)
    yield f"a stream of {sizes.events:,} events", _grown(port, events, sizes.events, EVENTS)
    yield f"{megabytes} downloaded", _grown(port, body, sizes.body, DOWNLOAD)
    yield f"{megabytes} uploaded", _grown(port, "v1", sizes.body, UPLOAD)
    yield f"{megabytes} downloaded, async", _grown(port, body, sizes.body, ASYNC_DOWNLOAD)
    yield f"{megabytes} uploaded, async", _grown(port, "v1", sizes.body, ASYNC_UPLOAD)
    yield f"{sizes.clients:,} clients", _grown(port, "v1", sizes.clients, CLIENTS)
    yield f"{sizes.clients:,} async clients", _grown(port, "v1", sizes.clients, ASYNC_CLIENTS)
    yield f"{sizes.abandoned:,} abandoned streams", _grown(port, "events/200", sizes.abandoned, ABANDONED)
    yield f"{sizes.abandoned:,} abandoned async streams", _grown(port, "events/200", sizes.abandoned, ASYNC_ABANDONED)
    yield (
        f"{sizes.concurrent:,} concurrent async streams",
        _grown(port, "events/200", sizes.concurrent, CONCURRENT),
    )


START = """
import asyncio, gc, os, random, tempfile
import oai
from benchmarks.memory import peak

HOST, URL, COUNT, MESSAGE = {host!r}, {url!r}, {count}, dict(model="m", messages=[])
WARM = HOST + "/v1"

def descriptors():
    return len(os.listdir("/proc/self/fd"))

c = oai.OpenAI(api_key="none", base_url=URL, max_body=None)
for _ in range(200):
    c.with_options(base_url=WARM).chat.completions.create(**MESSAGE)
warm = c.with_options(base_url=WARM)

async def async_client():
    client = oai.AsyncOpenAI(api_key="none", base_url=URL, max_body=None)
    for _ in range(200):
        await client.with_options(base_url=WARM).chat.completions.create(**MESSAGE)
    return client
"""

CALLS = """
before = peak()
for _ in range(COUNT):
    c.chat.completions.create(**MESSAGE)
print(peak() - before)
"""

EVENTS = """
before = peak()
received = sum(1 for _ in c.chat.completions.create(**MESSAGE, stream=True))
assert received == COUNT, received
print(peak() - before)
"""

DOWNLOAD = """
before = peak()
with c.files.with_streaming_response.content("f") as response:
    received = sum(len(piece) for piece in response.iter_bytes())
assert received == COUNT, received
print(peak() - before)
"""

UPLOAD = """
before = peak()
with tempfile.NamedTemporaryFile() as file:
    os.truncate(file.name, COUNT)  # a hole: it takes no room on the disk
    c.files.create(file=file.name, purpose="user_data")
print(peak() - before)
"""

ASYNC_DOWNLOAD = """
async def main():
    client = await async_client()
    before, received = peak(), 0
    async with client.files.with_streaming_response.content("f") as response:
        async for piece in response.iter_bytes():
            received += len(piece)
    assert received == COUNT, received
    await client.close()
    return peak() - before
print(asyncio.run(main()))
"""

ASYNC_UPLOAD = """
async def main():
    client = await async_client()
    before = peak()
    with tempfile.NamedTemporaryFile() as file:
        os.truncate(file.name, COUNT)
        await client.files.create(file=file.name, purpose="user_data")
    await client.close()
    return peak() - before
print(asyncio.run(main()))
"""

CLIENTS = """
def use(count):
    for _ in range(count):
        oai.OpenAI(api_key="none", base_url=URL).chat.completions.create(**MESSAGE)

use(200)
before, opened = peak(), descriptors()
use(COUNT)
assert descriptors() <= opened + 4, descriptors()
print(peak() - before)
"""

ASYNC_CLIENTS = """
async def use(count):
    for _ in range(count):
        await oai.AsyncOpenAI(api_key="none", base_url=URL).chat.completions.create(**MESSAGE)

async def main():
    await use(200)
    before, opened = peak(), descriptors()
    await use(COUNT)
    assert descriptors() <= opened + 4, descriptors()
    return peak() - before
print(asyncio.run(main()))
"""

ABANDONED = """
places = random.Random(7)

def abandon(number):
    stream = c.chat.completions.create(**MESSAGE, stream=True)
    for _ in zip(range(places.randrange(200)), stream):
        pass
    if number % 2:
        stream.close()

def use(count):
    for number in range(count):
        abandon(number)
        if number % 10 == 0:
            assert warm.chat.completions.create(**MESSAGE).choices[0].finish_reason == "stop"
        if number % 100 == 0:
            assert sum(1 for _ in c.chat.completions.create(**MESSAGE, stream=True)) == 200

use(200)
before, opened = peak(), descriptors()
use(COUNT)
gc.collect()
assert descriptors() <= opened + 4, descriptors()
print(peak() - before)
"""

ASYNC_ABANDONED = """
places = random.Random(7)

async def abandon(client, number):
    stream = await client.chat.completions.create(**MESSAGE, stream=True)
    if at := places.randrange(200):
        async for _ in stream:
            at -= 1
            if not at:
                break
    if number % 3:
        await stream.close()

async def read_on(slow):
    async for _ in await slow.chat.completions.create(**MESSAGE, stream=True):
        pass  # after the first event the server sends nothing

async def use(client, slow, warm, count):
    for number in range(count):
        if number % 3 < 2:
            await abandon(client, number)
        else:
            task = asyncio.create_task(read_on(slow))
            await asyncio.sleep(places.choice([0, 0, 0.001, 0.002]))
            task.cancel()
            await asyncio.wait([task])
        if number % 10 == 0:
            assert (await warm.chat.completions.create(**MESSAGE)).choices[0].finish_reason == "stop"
        if number % 100 == 0:
            stream = await client.chat.completions.create(**MESSAGE, stream=True)
            assert len([event async for event in stream]) == 200

async def main():
    client = await async_client()
    others = client.with_options(base_url=HOST + "/slow"), client.with_options(base_url=WARM)
    await use(client, *others, 300)
    before, opened = peak(), descriptors()
    await use(client, *others, COUNT)
    gc.collect()
    await asyncio.sleep(0.1)
    assert descriptors() <= opened + 4, descriptors()
    assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()
    await client.close()
    return peak() - before
print(asyncio.run(main()))
"""

CONCURRENT = """
async def read(client):
    return len([event async for event in await client.chat.completions.create(**MESSAGE, stream=True)])

async def main():
    client = await async_client()
    before = peak()
    counts = await asyncio.gather(*(read(client) for _ in range(COUNT)))
    assert counts == [200] * COUNT, counts
    await client.close()
    return peak() - before
print(asyncio.run(main()))
"""


def _grown(port: int, path: str, count: int, code: str) -> float:
    host = f"http://127.0.0.1:{port}"
    return _kilobytes(START.format(host=host, url=f"{host}/{path}", count=count) + code)


def _kilobytes(code: str) -> float:
    return float(run(code))
