"""`python -m tools.generate update [VERSION]`: bring everything to a version of the official SDK in one go.

Facts of both versions are read in environments of their own. Then the rows are merged, the types written, and last, in
processes that import what has just been written, the stubs and the names. A step that fails does not end the update: it
is in the report, with what is left to do.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import wrap
from typing import Any

from oai._table.websocket_row import SOCKET_OPTIONS
from tools.generate import environment
from tools.generate.drift import OFFICIAL, Difference
from tools.generate.edit import TableText
from tools.generate.exceptions import Exceptions
from tools.generate.generated import Generated, of_file
from tools.generate.layout import WIDEST
from tools.generate.merge import Merged, merge
from tools.generate.pin import ROOT, read_pin, write_pin
from tools.generate.report import Report, left_over, of_modules, of_surface, of_types
from tools.generate.sdk import load
from tools.generate.table import TABLE

CHANGELOG = ROOT / "CHANGELOG.md"

ENTRY = "- In step with the official SDK"


def update(version: str | None, report_path: Path | None, *, checked: bool = True) -> int:
    """Run the command; return the exit status, which is 1 if something is left to do by hand."""
    pinned = read_pin()
    version = version or environment.newest()
    with tempfile.TemporaryDirectory() as directory:
        paths = {each: Path(directory, f"{each}.pickle") for each in dict.fromkeys((pinned, version))}
        for each, path in paths.items():
            environment.read_version(each, path, SOCKET_OPTIONS)
        report = Report(pinned, version)
        _write(report, paths[pinned], paths[version])
        if checked:
            _compare(report, paths[version])
    text = report.markdown()
    print(text)
    if report_path:
        report_path.write_text(text)
    return 1 if report.left else 0


def _write(report: Report, before: Path, after: Path) -> None:
    old, new = of_file(before), of_file(after)
    merged = _merge_rows(old, new)
    report.operations += merged.changes
    report.kept += merged.kept
    was, now = load(before), load(after)  # `Generated` has merged the types of its own
    report.types += of_types(was.facts, now.facts)
    report.surface += of_surface(was.surface, now.surface)
    new.write_types()
    write_pin(report.version)
    _run(report, "unknown")
    _run(report, "names", "--facts", str(after))
    _run(report, "stubs")
    report.modules += of_modules(was.modules, now.modules, ROOT / "oai")
    if report.pinned != report.version:
        _add_entry(report)


def _merge_rows(old: Generated, new: Generated) -> Merged:
    table = TableText(TABLE.read_text())
    exceptions = Exceptions.load()
    ours = table.rows()
    known = {name for name in ours if "helper" in ours[name]}

    def excused(name: str, key: str) -> bool:
        difference = Difference(OFFICIAL, "gone", name, key)
        return any(each.covers(difference) for each in exceptions.entries)

    sides = [{**side.rows, **side.sockets} for side in (old, new)]
    before, after = ({name: keys for name, keys in side.items() if name not in known} for side in sides)
    merged = merge(ours, before, after, excused)
    for name in merged.removed:
        table.remove(name)
    for name, keys in merged.rows.items():
        if name in ours:
            table.replace(name, keys)
        else:
            table.add(name, keys)
    if merged.rows or merged.removed:
        TABLE.write_text(table.text)
    return merged


def _run(report: Report, what: str, *arguments: str) -> None:
    """Run a command of this package in a process of its own, which imports what has just been written."""
    done = _process(what, *arguments)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
        report.left.append(f"`python -m tools.generate {what}` failed and is to be run again: {last}")
    elif what == "unknown":
        report.left += filter(None, done.stdout.splitlines())


def _process(what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.generate", what, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=environment.LONGEST)


def _compare(report: Report, facts: Path) -> None:
    done = _process("check", "--facts", str(facts))
    if done.returncode:
        report.left += left_over(done.stdout, done.stderr)


def _add_entry(report: Report) -> None:
    """Add the line of this update to the unreleased changes, or change that of an earlier update there."""
    text = CHANGELOG.read_text()
    entry = f"{ENTRY} {report.version}{report.summary()}"
    line = "\n".join(wrap(entry, WIDEST, subsequent_indent="  ", break_on_hyphens=False)) + "\n"
    start = text.find("(unreleased)")
    end = text.find("\n## ", start)
    unreleased = text[start : end if end >= 0 else None]
    earlier = re.search(rf"^{re.escape(ENTRY)} .*\n(?:  .*\n)*", unreleased, re.MULTILINE)
    place = re.search(r"^- ", unreleased, re.MULTILINE)
    if start < 0 or not place:
        report.left.append(f"{CHANGELOG.name} has no unreleased changes; the entry would be: {line.strip()}")
        return
    span = earlier.span() if earlier else (place.start(), place.start())
    CHANGELOG.write_text(text[: start + span[0]] + line + text[start + span[1] :])


def unknown_types() -> list[str]:
    """Replace type expressions of the table that name no type any more by `Any`; return what was replaced."""
    from oai._table.type_expressions import resolve

    table = TableText(TABLE.read_text())
    lines = []
    for name, keys in table.rows().items():
        changed: dict[str, Any] = {}
        for key in ("response", "stream", "events"):
            if key in keys and not _resolves(resolve, keys[key]):
                changed[key] = "Any"
        params = {
            each: "Any?" if kind.endswith("?") else "Any"
            for each, kind in keys.get("params", {}).items()
            if not _resolves(resolve, kind.removesuffix("?"))
        }
        if params:
            changed["params"] = {**keys["params"], **params}
        if changed:
            lines += [f"`{name}` {key}: a type of `{keys[key]}` is gone; `Any` for now" for key in changed]
            table.replace(name, {**keys, **changed})
    if lines:
        TABLE.write_text(table.text)
    return lines


def _resolves(resolve: Any, expression: str) -> bool:
    try:
        resolve(expression)
    except Exception:  # noqa: BLE001 - whatever is wrong with it
        return False
    return True
