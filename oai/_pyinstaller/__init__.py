"""Tell PyInstaller what a frozen program with `oai` needs; it finds this package by the entry point `pyinstaller40`.

Nothing imports this package but PyInstaller, and it imports nothing of `oai`.
"""

from __future__ import annotations

import os


def get_hook_dirs() -> list[str]:
    """Return the directories of hooks."""
    return [os.path.dirname(__file__)]
