"""Memory, measured in fresh processes: the peak of one call, and that long streams and large bodies keep it flat."""

from __future__ import annotations

from collections.abc import Iterator

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


FULL = (100_000, 1_000_000, 1 << 30)
QUICK = (1000, 10_000, 64 << 20)
"""Calls, events of a stream, and bytes of a body."""


def growth(port: int, calls: int, events: int, size: int) -> Iterator[tuple[str, float]]:
    """Yield by how many KB the peak resident size grows with many calls, a long stream, and large bodies."""
    base = f"http://127.0.0.1:{port}"
    yield f"{calls:,} calls", _grown(f"{base}/v1", CALLS.format(count=calls))
    yield f"a stream of {events:,} events", _grown(f"{base}/events/{events}", EVENTS.format(count=events))
    yield f"{size >> 20:,} MB downloaded", _grown(f"{base}/bytes/{size}", DOWNLOAD.format(size=size))
    yield f"{size >> 20:,} MB uploaded", _grown(f"{base}/v1", UPLOAD.format(size=size))


CALLS = """
for _ in range({count}):
    c.chat.completions.create(model="m", messages=[])
"""

EVENTS = """
came = sum(1 for _ in c.chat.completions.create(model="m", messages=[], stream=True))
assert came == {count}, came
"""

DOWNLOAD = """
with c.files.with_streaming_response.content("f") as response:
    came = sum(len(piece) for piece in response.iter_bytes())
assert came == {size}, came
"""

UPLOAD = """
import os, tempfile
with tempfile.NamedTemporaryFile() as file:
    os.truncate(file.name, {size})  # a hole: it takes no room on the disk
    c.files.create(file=file.name, purpose="user_data")
"""

GROWN = """
import oai
from benchmarks.memory import peak
c = oai.OpenAI(api_key="none", base_url={url!r}, max_body=None)
for _ in range(200):
    c.with_options(base_url={warm!r}).chat.completions.create(model="m", messages=[])
before = peak()
{code}
print(peak() - before)
"""


def _grown(url: str, code: str) -> float:
    warm = f"{url.split('/', 3)[0]}//{url.split('/', 3)[2]}/v1"
    return _kilobytes(GROWN.format(url=url, warm=warm, code=code))


def _kilobytes(code: str) -> float:
    return float(run(code))
