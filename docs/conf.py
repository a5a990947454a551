"""The site's configuration: `python -m tools.site` builds it."""

from pathlib import Path

from oai import __version__

project = "oai"
release = version = __version__
html_title = "oai"
extensions = ["myst_parser", "sphinx_copybutton", "tools.site.extension"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
pygments_dark_style = "a11y-high-contrast-dark"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
html_search_scorer = str(Path(__file__).with_name("search_scorer.js"))
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
nitpicky = True
suppress_warnings = ["myst.xref_missing"]  # paths of the repository in design.md
