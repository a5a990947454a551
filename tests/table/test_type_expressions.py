"""Type expressions: parsed on demand, by any thread."""

from __future__ import annotations

import subprocess
import sys

IN_THREADS = """
import gc, sys, threading
from oai._table.type_expressions import parse_expression

class Counted:
    def __del__(self):
        sum(range(50))  # lets another thread run in the middle of a parse

gc.set_threshold(3)
sys.setswitchinterval(1e-7)
errors = []

def parse():
    for number in range(600):
        cycle = Counted()
        cycle.cycle = cycle
        try:
            parse_expression(f"dict[str, list[int | None | tuple[str, {number % 3}]]] | None")
        except BaseException as error:
            errors.append(error)

threads = [threading.Thread(target=parse) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(errors)
"""


def test_expressions_can_be_parsed_by_several_threads_at_once() -> None:
    ended = subprocess.run([sys.executable, "-c", IN_THREADS], capture_output=True, text=True, check=True, timeout=120)
    assert ended.stdout == "[]\n"
