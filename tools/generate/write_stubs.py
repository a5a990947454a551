"""Write the stubs of the shipped table, which `oai._stubs.files` makes from its rows."""

from __future__ import annotations

from pathlib import Path

from oai._stubs.files import shipped_stubs


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
