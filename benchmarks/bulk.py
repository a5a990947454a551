"""Many rows from a file to a file against the loopback server: in one process, and on a local Dask cluster.

python -m benchmarks.bulk --rows 100000
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import oai
from benchmarks.server import running
from oai.helpers.bulk.row_files import map_file

PART = 5000
"""Rows of a file that is one task of the cluster."""


class Measured:
    """The seconds and the memory that a run took: this process's at its highest, and that of the cluster's workers."""

    def __init__(self, rows: int, seconds: float, megabytes: float, workers: float = 0.0) -> None:
        self.rows, self.seconds, self.megabytes, self.workers = rows, seconds, megabytes, workers

    def __str__(self) -> str:
        workers = f", workers {self.workers:,.0f} MB each" if self.workers else ""
        rate = self.rows / self.seconds
        return f"{self.rows:,} rows in {self.seconds:.1f} s: {rate:,.0f} rows/s; {self.megabytes:,.0f} MB{workers}"


def client_of(port: int) -> oai.OpenAI:
    return oai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", pickle_keys=True)


def write_rows(path: Path, count: int) -> None:
    with path.open("w") as file:
        for number in range(count):
            row = {"model": "m", "messages": [{"role": "user", "content": f"Question {number}"}]}
            file.write(json.dumps(row) + "\n")


def parts_of(path: Path, folder: Path) -> Iterator[str]:
    """Cut a file of rows into files of `PART` rows."""
    with path.open() as file:
        for number, start in enumerate(iter(file.readline, "")):
            part = folder / f"part-{number:05}.jsonl"
            with part.open("w") as output:
                output.write(start)
                output.writelines(line for _, line in zip(range(PART - 1), file, strict=False))
            yield str(part)


def map_part(port: int, part: str) -> int:
    """Map a part in a worker; return the number of its rows. The client stays for the next part."""
    if port not in _clients:
        _clients[port] = client_of(port)
    return map_file(_clients[port].chat.completions.create, part, f"{part}.out.jsonl", concurrency=4)[0]


_clients: dict[int, oai.OpenAI] = {}


def peak() -> float:
    """Return the memory of this process now, at its highest where it cannot be read."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measured(rows: int, run: Callable[[], object]) -> Measured:
    """Run, and look at the memory meanwhile."""
    highest, done = peak(), threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.1):
            highest = max(highest, peak())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = time.perf_counter()
    try:
        run()
    finally:
        seconds = time.perf_counter() - began
        done.set()
        watcher.join()
    return Measured(rows, seconds, highest)


def in_one_process(port: int, source: Path, rows: int) -> Measured:
    with client_of(port) as client:
        target = source.with_suffix(".out.jsonl")
        return measured(rows, lambda: map_file(client.chat.completions.create, source, target, concurrency=8))


def on_a_cluster(port: int, source: Path, rows: int, *, by_row: bool) -> Measured:
    distributed: Any = import_module("distributed")  # an extra without types

    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster) as dask,
        client_of(port) as client,
    ):

        def each_row() -> object:
            with source.open() as file:
                lines = (json.loads(line) for line in file)
                return oai.map(client.chat.completions.create, lines, executor=dask.get_executor(), concurrency=64)

        def each_part() -> object:
            parts = list(parts_of(source, source.parent))
            return sum(dask.gather(dask.map(map_part, [port] * len(parts), parts)))

        result = measured(rows, each_row if by_row else each_part)
        result.workers = max(dask.run(peak).values())
    return result


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--no-dask", action="store_true")
    options = parser.parse_args(arguments)
    with running() as (port, _), tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "rows.jsonl"
        write_rows(source, options.rows)
        print("one process:", in_one_process(port, source, options.rows), flush=True)
        if not options.no_dask:
            print("Dask, a task for each part:", on_a_cluster(port, source, options.rows, by_row=False), flush=True)
            few: Any = min(options.rows, 10_000)
            write_rows(source, few)
            print("Dask, a task for each row:", on_a_cluster(port, source, few, by_row=True), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
