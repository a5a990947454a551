"""The Sphinx extension of the site: it writes the generated pages before Sphinx looks for pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.site import operations, recipes, reference, types

if TYPE_CHECKING:
    from sphinx.application import Sphinx


_DRAWING = re.compile(r"<img [^>]*\.svg[^>]*>")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension; Sphinx calls this by name."""
    source = Path(app.srcdir)
    for generator in (operations, recipes, reference, types):
        _write(source / generator.__name__.rpartition(".")[2], generator.pages())
    app.connect("html-page-context", _make_accessible, priority=900)  # after the theme's own handlers
    app.connect("build-finished", _write_json)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(folder: Path, pages: dict[str, str]) -> None:
    """Write the pages that changed, and remove those that are no longer generated."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _make_accessible(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Complete what WCAG requires: the level of the sidebar's headings (1.3.1), scrolling by keyboard (2.1.1)."""
    for part in ("body", "furo_navigation_tree"):
        if text := context.get(part):
            text = text.replace(' role="heading"', ' role="heading" aria-level="2"')
            text = text.replace("<pre>", '<pre tabindex="0">')
            text = text.replace('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper')
            context[part] = _DRAWING.sub(r'<span tabindex="0" class="wide">\g<0></span>', text)


def _write_json(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        Path(app.outdir, "operations.json").write_bytes(operations.as_json())
