"""Build the documentation site: `python -m tools.site`.

`operations` describes every operation of the table, `reference` the public names; both are generated at each build and
not committed. `extension` plugs them into Sphinx, whose pages are the Markdown files of `docs/`.
"""
