"""Hooks of the build.

The compiled form of the shipped table goes into the wheel, so that no installation has to compile it. The README goes
into the metadata, with absolute links once `[project.urls]` has the address of the repository.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


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


class ReadReadme(MetadataHookInterface):
    """Sets the long description of the project, which a package index shows."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` to the text of the README."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        if repository := metadata.get("urls", {}).get("Repository"):
            text = with_absolute_links(text, repository)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def with_absolute_links(text: str, repository: str) -> str:
    """Return Markdown whose relative links and images lead to the repository's main branch."""
    at = {"": f"{repository.rstrip('/')}/blob/HEAD/", "!": f"{repository.rstrip('/')}/raw/HEAD/"}
    return re.sub(r"(!?)(\[[^]]*\])\((?!\w+:|#)", lambda link: f"{link[1]}{link[2]}({at[link[1]]}", text)
