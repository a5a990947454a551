"""Copies of the package whose table has more rows: the shipped ones, and the same again below other call paths.

The copy is imported like an installed package, with its own compiled table, in processes of its own.
"""

from __future__ import annotations

import compileall
import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import oai
from benchmarks.clocks import Point, point, run
from oai._table.load import SHIPPED, shipped_table
from oai._table.read import find_rows

LATER = 200

PROCESS = """
import json, time

def timed(function):
    wall, cpu = time.perf_counter(), time.process_time()
    value = function()
    return value, [time.perf_counter() - wall, time.process_time() - cpu]

def start():
    import oai
    return oai.OpenAI(api_key="none", base_url={url!r})

def call():
    return client.chat.completions.create(model="gpt-5", messages=[{{"role": "user", "content": "Hello"}}])

def later():
    for _ in range({later}):
        call()

client, started = timed(start)
_, first = timed(call)
_, many = timed(later)
from oai._table.load import shipped_table
print(json.dumps([len(shipped_table()), [started, first, [each / {later} for each in many]]]))
"""


def grown(port: int, sizes: Sequence[int], rounds: int, scratch: Path) -> tuple[dict[str, list[Point]], list[Point]]:
    """Return start, first call and later call by the rows of the table, and what reading its TOML once takes.

    Args:
        port: the server's.
        sizes: numbers of rows; those of the shipped table and above.
        rounds: how many processes for each size, in turn.
        scratch: an empty directory.
    """
    code = PROCESS.format(url=f"http://127.0.0.1:{port}/v1", later=LATER)
    copies = {size: copy(size, scratch / str(size)) for size in sizes}
    first = {size: _process(code, copies[size], size) for size in sizes}  # which compile the tables
    taken: dict[int, list[list[list[float]]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            taken[size].append(_process(code, copies[size], size))
    curves = {
        name: [point(size, *_clocks(each[place] for each in taken[size])) for size in sizes]
        for place, name in enumerate(("start", "first_call", "later_call"))
    }
    read = []
    for each in curves["start"]:
        (wall, cpu), *_ = first[int(each.size)]
        read.append(point(each.size, [wall - each.wall], [cpu - each.cpu]))
    return curves, read


def _clocks(pairs: Iterable[list[float]]) -> tuple[list[float], list[float]]:
    """Return the times on the wall, and those of the processor."""
    walls, cpus = zip(*pairs, strict=True)
    return list(walls), list(cpus)


def _process(code: str, directory: Path, size: int) -> list[list[float]]:
    """Return wall and processor seconds of start, first call and later calls."""
    found: list[list[float]]
    rows, found = json.loads(run(code, directory))
    if rows != size:
        raise RuntimeError(f"the copy in {directory} has {rows} rows, not {size}")
    return found


def copy(size: int, directory: Path) -> Path:
    """Copy the package to below a directory, with a table of `size` rows, and return the directory."""
    package = directory / "oai"
    shutil.copytree(Path(oai.__file__).parent, package, ignore=shutil.ignore_patterns("*.msgpack"))
    (package / Path(SHIPPED).name).write_text(table(size))
    compileall.compile_dir(package, quiet=1)
    return directory


def table(size: int) -> str:
    """Return the shipped table's TOML and so many of its rows below other call paths that there are `size`.

    Raises:
        ValueError: the shipped table has more rows already.
    """
    text, missing = Path(SHIPPED).read_text(encoding="utf-8"), size - len(shipped_table())
    if missing < 0:
        raise ValueError(f"the shipped table has {len(shipped_table())} rows, more than {size}")
    rows = list(_operations(text))
    added = []
    for number in range(missing):
        times, place = divmod(number, len(rows))
        added.append(re.sub(r"(?m)^\[", f"[more_{times}.", rows[place]))
    return text + "\n" + "\n".join(added)


def _operations(text: str) -> Iterator[str]:
    """Yield the TOML of each operation that sends a request, without its flat aliases, which there can be once only."""
    declared = dict(find_rows(SHIPPED, tomllib.loads(text)))
    blocks: dict[str, str] = {}
    for block in re.split(r"(?m)^(?=\[)", text)[1:]:
        header = block[1 : block.index("]")]
        name = header
        while name not in declared:  # a table within the row, such as its `params`
            name = name.rpartition(".")[0]
        blocks[name] = blocks.get(name, "") + block
    for name, block in blocks.items():
        if not {"helper", "websocket"} & declared[name].keys():
            yield re.sub(r"(?m)^(alias\s*=.*|#.*)\n", "", block)
