"""Build hook: put the compiled form of the shipped table into the wheel, so that no installation has to compile it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileTable(BuildHookInterface[Any]):
    """Compiles `oai/endpoints.toml` to `oai/endpoints.msgpack`; see `oai._table.compiled`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the table, unless the installation is editable and so compiles it at its first start."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        sys.dont_write_bytecode = True
        from oai._table.compiled import SUFFIX, encode_table
        from oai._table.load import SHIPPED, compile_table

        if not Path(SHIPPED).is_relative_to(self.root):
            raise RuntimeError(f"the table to compile is of another installation: {SHIPPED}")
        source = Path(SHIPPED).read_bytes()
        self._directory = tempfile.TemporaryDirectory()
        compiled = Path(self._directory.name, "endpoints" + SUFFIX)
        compiled.write_bytes(encode_table(compile_table(SHIPPED, source), source))
        build_data["force_include"][str(compiled)] = f"oai/{compiled.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Delete the temporary file."""
        if version != "editable":
            self._directory.cleanup()
