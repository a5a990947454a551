"""Write the stubs of the shipped table, which `oai._stubs.files` makes from its rows, and of the classes' modules."""

from __future__ import annotations

import shutil
from pathlib import Path

from oai._stubs.classes import Writer
from oai._stubs.files import GENERATED, shipped_stubs
from oai._stubs.types import Speller
from oai._stubs.views import VIEWS
from oai._stubs.websockets import connection_name
from oai._table.load import shipped_table
from tools.generate.layout import format_files, joined, pairs_of, path_of
from tools.generate.official_stubs import export

CLASSES = "oai.resources._classes"
HEADER = GENERATED.partition("\n")[0] + "\n"
SUFFIXES = {view.removeprefix("with_").removesuffix("_response"): suffix for view, suffix in VIEWS.items()}
"""What the names of a view's stubs end with, by the kind that `oai.resources._classes` knows it by."""


def write_stubs(root: Path) -> int:
    """Write all stub files below `root`, take away those of areas that are gone, and return how many there are."""
    files = shipped_stubs()
    root.mkdir(exist_ok=True)
    for old in root.glob("*.pyi"):
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        (root / name).write_text(text)
    return len(files)


def write_resources(root: Path) -> int:
    """Write a stub for each module that the `official.txt` of `oai.resources` declares; return how many."""
    for old in root.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    table = shipped_table()
    own = [*table, *table.helpers]
    writers = {side: Writer(table, Speller(), is_async=side == "async", own=own) for side in ("sync", "async")}
    lines = joined((root / "official.txt").read_text())
    homes = {module: rest for module, _, rest in (line.partition(":") for line in lines)}
    for module, rest in homes.items():
        inner = [each.rpartition(".")[2] for each in homes if each and each.rpartition(".")[0] == module]
        path = root / Path(*module.split(".")) if module else root
        file = path / "__init__.pyi" if inner or not module else path.with_suffix(".pyi")
        file.parent.mkdir(exist_ok=True, parents=True)
        package = f"oai.resources.{module}".rstrip(".")
        imports = [f"from {package} import {name} as {name}\n" for name in inner]
        file.write_text("".join([HEADER, *imports, *_names(module, rest, writers)]))
    format_files(root)
    return len(homes)


def _names(module: str, homes: str, writers: dict[str, Writer]) -> list[str]:
    """Return the statements that give a module its names."""
    imports: list[str] = []
    assignments: list[str] = []
    for source, here, there in pairs_of(homes):
        owner, name, argument = source, there or here, ""
        if source.startswith("oai._official.missing"):
            continue
        if source == CLASSES:
            owner, name = _class_of(there, writers)
        elif source == "oai.helpers.sockets":
            side = writers["async" if here.startswith("Async") else "sync"]
            area, connection = f"oai._typed.{module.partition('.')[0]}", connection_name(side, path_of(module))
            imports.append(f"from {area} import {connection} as _Of{here}\n")
            argument = f"[_Of{here}]"
        export(imports, assignments, owner, here, "" if name == here else name, argument=argument)
    return [*imports, *assignments]


def _class_of(target: str, writers: dict[str, Writer]) -> tuple[str, str]:
    """Return module and name of the stub of a class, such as `async_raw.chat.completions`."""
    kind, _, path = target.partition(".")
    side, _, view = kind.partition("_")
    area = f"oai._typed.{path.partition('.')[0]}"
    if path.endswith(".connect"):
        return area, connection_name(writers[side], path)
    return area, writers[side].class_name(path) + SUFFIXES.get(view, "")
