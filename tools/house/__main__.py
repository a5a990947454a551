"""`python -m tools.house draw|check`: draw the rooms of the package, and check its imports.

`draw` writes `docs/house.svg`. `check` writes nothing; it exits with status 1 if the drawing is out of date, if imports
among hand-written modules form a circle, or if an import does not point to a lower layer.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.house.circles import find_circles, shortest
from tools.house.drawing import draw
from tools.house.imports import Import
from tools.house.rooms import House, read_house

ROOT = Path(__file__).parents[2]
OUT_OF_DATE = "docs/house.svg is out of date; run python -m tools.house draw"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.house", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["draw", "check"])
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository to read (default: this one)")
    options = parser.parse_args(arguments)
    drawing = options.root / "docs" / "house.svg"
    try:
        house = read_house(options.root)
    except ValueError as error:
        print(error)
        return 1
    if options.what == "draw":
        drawing.write_text(draw(house), encoding="utf-8")
        print(f"docs/house.svg: {len(house.rooms)} rooms")
        return 0
    circles = find_circles(house.hand_written())
    problems = [*_describe_circles(house, circles), *_describe_upward(house)]
    written = drawing.read_text(encoding="utf-8") if drawing.exists() else ""
    if _without_line_counts(written) != _without_line_counts(draw(house)):
        problems.append(OUT_OF_DATE)
    print(_summary(house, len(circles)), *problems, sep="\n")
    return 1 if problems else 0


def _summary(house: House, circles: int) -> str:
    modules = sum(not module.generated for module in house.modules.values())
    count = "no circles" if not circles else "1 circle" if circles == 1 else f"{circles} circles"
    return f"{modules} hand-written modules, {len(house.hand_written())} imports, {count}"


def _describe_circles(house: House, circles: Iterable[list[Import]]) -> Iterable[str]:
    for circle in circles:
        modules = {edge.source for edge in circle}
        yield f"a circle of {len(modules)} modules: {' -> '.join(shortest(circle))}"
        yield from (_describe(house, edge) for edge in circle)


def _describe_upward(house: House) -> Iterable[str]:
    if upward := house.upward():
        yield "these imports do not point to a lower layer, and are not drawn:"
        yield from (_describe(house, edge) for edge in upward)


def _describe(house: House, edge: Import) -> str:
    path = house.modules[edge.source].path.relative_to(house.root)
    return f"  {path.as_posix()}:{edge.line}: {edge.text}"


def _without_line_counts(svg: str) -> str:
    """Remove the numbers of lines: nearly every commit changes them, and they may be as old as the last drawing."""
    return re.sub(r"[\d,]+ lines<", "lines<", svg)


if __name__ == "__main__":
    sys.exit(main())
