"""Show every program of `examples/`, described by its docstring."""

from __future__ import annotations

import ast
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


TITLES = {"as_openai": "as_openai", "http_client": "HTTP client", "fastapi_app": "FastAPI", "django_app": "Django"}
"""Titles that the name of the file does not give."""


def pages() -> dict[str, str]:
    """Return the Markdown pages by file name, without the suffix."""
    names = sorted(path.stem for path in EXAMPLES.glob("*.py"))
    lines = [
        "# Recipes",
        "",
        "Complete programs. The tests run them all offline.",
        "",
        "| recipe | shows |",
        "|---|---|",
    ]
    lines += [f"| [{name}]({name}.md) | {summary(name)} |" for name in names]
    lines += ["", "```{toctree}", ":hidden:", "", *names, "```", ""]
    return {"index": "\n".join(lines), **{name: _page(name) for name in names}}


def summary(name: str) -> str:
    """Return the first line of an example's docstring."""
    return (ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))) or "").partition("\n")[
        0
    ]


def _page(name: str) -> str:
    title = TITLES.get(name, name.replace("_", " ").capitalize())
    return f"# {title}\n\n{summary(name)}\n\n```{{literalinclude}} ../../examples/{name}.py\n:language: python\n```\n"
