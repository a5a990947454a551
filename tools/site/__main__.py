"""`python -m tools.site [DIRECTORY]`: build the site into `docs/_build/html`, warnings as errors, links checked.

Sphinx checks references between pages; `links` checks every local link and anchor of the built HTML, and that no page
loads anything from another host.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from tools.site.links import broken_links

ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "docs" / "_build" / "html"


def main(arguments: list[str]) -> int:
    """Build the site; return the exit status."""
    target = Path(arguments[0]) if arguments else DEFAULT
    gc.set_threshold(1_000_000)  # Sphinx keeps millions of objects, and half of the time was spent on searching them
    # All pages are written, as the search index loses the entries of those that are not.
    status = build_main(["-a", "-W", "--keep-going", "-q", "-b", "html", str(ROOT / "docs"), str(target)])
    if status:
        return status
    problems = list(broken_links(target))
    for problem in problems:
        print(problem)
    print(f"{target}: {len(list(target.rglob('*.html')))} pages, {len(problems)} broken links")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
