"""What the facts of a version of the official SDK become here: types, rows, names."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tools.generate.pin import ROOT, check_installed, read_pin
from tools.generate.plan import Plan
from tools.generate.sdk import Sdk, load
from tools.generate.write_names import Names
from tools.generate.write_rows import Rows, wanted
from tools.generate.write_types import write_types


class Generated:
    """What is written for a version of the SDK.

    Args:
        sdk: its facts, whose types are merged here and not as the SDK has them any more.
    """

    def __init__(self, sdk: Sdk) -> None:
        self.sdk = sdk
        self.plan = Plan(sdk.facts, wanted(sdk.operations, sdk.sockets))
        self.names = Names(sdk)
        rows = Rows(self.plan)
        self.rows: dict[str, dict[str, Any]] = {each.name: rows.row(each) for each in sdk.operations}
        """Rows of operations by call path."""
        self.sockets: dict[str, dict[str, Any]] = {each.name: rows.socket(each) for each in sdk.sockets}
        """Rows of WebSockets by call path."""

    def write_types(self, root: Path = ROOT / "oai" / "types") -> int:
        """Write the modules of types; return how many files there are."""
        return write_types(root, self.plan, self.names.other_imports)


@cache
def of_installed() -> Generated:
    """Return what the installed SDK becomes.

    It is read in another process: `typing` returns the union that it made first of the same members, in whatever order,
    so that what this process has imported would change the order of members. `OAI_TOOLS_FACTS` names a directory of
    facts that were read before.

    Raises:
        SystemExit: it is not the pinned version.
    """
    check_installed()
    known = Path(os.environ.get("OAI_TOOLS_FACTS", os.devnull), f"{read_pin()}.pickle")
    if known.exists():
        return of_file(known)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "facts"
        subprocess.run([sys.executable, "-m", "tools.generate", "facts", str(path)], check=True, cwd=ROOT)
        return of_file(path)


def of_file(path: Path) -> Generated:
    """Return what the facts in a file become (`tools.generate.sdk.dump`)."""
    return Generated(load(path))
