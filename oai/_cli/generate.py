"""`oai stubs` and `oai import`: generate typed modules from tables, and tables from OpenAPI documents."""

from __future__ import annotations

import argparse
import sys

from oai._cli.arguments import UsageError


def write_stubs(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Print, or write to `--output`, a typed module for the rows of users' tables: `oai stubs my.toml`."""
    from oai._stubs.files import stubs_for

    if not words:
        raise UsageError("oai stubs needs one or more tables: oai stubs my.toml --output my_api.py")
    text = stubs_for(words)
    if options.output is None:
        sys.stdout.write(text)
        return 0
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


def import_document(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Write a table, and a module with its structs, for an OpenAPI document: `oai import openapi.json`."""
    from oai._openapi.rows import import_openapi

    if len(words) != 1:
        raise UsageError("oai import needs one OpenAPI 3 document: oai import openapi.json --output my.toml")
    for line in import_openapi(words[0], options.output or "openapi.toml"):
        print(line)  # noqa: T201
    return 0
