"""Compare the outcomes of a package's tests under the SDK and under `oai`."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+\.\d{3,}")
"""Addresses, identifiers and times: they would put every test into a group of its own."""

WORST_FIRST = ("error", "failed", "skipped", "passed")
PLACE = re.compile(r"(?:/[^/\s'\"(]+)+/(?=(?:oai|site-packages)/)")
"""Where a package lies: in a temporary directory, with another name in each run."""

PRIVATE_NAME = re.compile(
    r"is a part of how the official SDK works inside|module 'oai\.(?:\w+\.)*_(?!_)|No module named '[\w.]*\._(?!_)"
    r"|(?:cannot import name|has no attribute|does not have the attribute) '_(?!_)"
)
"""Causes of tests that look for something private of the SDK."""

LONGEST = 150


@dataclass(frozen=True)
class Outcome:
    """What became of a test: `passed`, `failed`, `skipped` or `error`, and its exception."""

    name: str
    error: str = ""
    message: str = ""

    @property
    def cause(self) -> str:
        """The exception type and the first line of its message, without what varies from run to run."""
        line = next((line.strip() for line in self.message.splitlines() if line.strip()), "")
        return VARYING.sub("…", PLACE.sub("", f"{self.error}: {line}" if line else self.error))[:LONGEST] or self.name


Outcomes = Mapping[str, Outcome]


def read_outcomes(lines: Iterable[str]) -> dict[str, Outcome]:
    """Read what the plugin recorded; of several outcomes of a test (its call, its teardown) the worst counts."""
    outcomes: dict[str, Outcome] = {}
    for line in lines:
        fields = json.loads(line)
        outcome = Outcome(fields["outcome"], fields["error"], fields["message"])
        before = outcomes.setdefault(fields["test"], outcome)
        if WORST_FIRST.index(outcome.name) < WORST_FIRST.index(before.name):
            outcomes[fields["test"]] = outcome
    return outcomes


def lost(sdk: Outcomes, own: Outcomes) -> dict[str, Outcome]:
    """Return the tests that pass with the SDK and do not with `oai`, with their outcome there."""
    return {
        test: _outcome_of(test, own)
        for test, outcome in sdk.items()
        if outcome.name == "passed" and _outcome_of(test, own).name != "passed"
    }


def _outcome_of(test: str, outcomes: Outcomes) -> Outcome:
    """Return a test's outcome; a test of a module that failed to import has the outcome of the module."""
    return outcomes.get(test) or outcomes.get(test.partition("::")[0]) or Outcome("error", "not collected")


def grouped(outcomes: Outcomes) -> list[tuple[str, list[str]]]:
    """Group tests by the cause of their failure, the most frequent first."""
    groups: dict[str, list[str]] = defaultdict(list)
    for test, outcome in outcomes.items():
        groups[outcome.cause].append(test)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def counts(outcomes: Outcomes) -> str:
    """Return `5 passed, 2 failed, 1 errors, 0 skipped`."""
    numbers = Counter(outcome.name for outcome in outcomes.values())
    names = {"passed": "passed", "failed": "failed", "error": "errors", "skipped": "skipped"}
    return ", ".join(f"{numbers[name]} {label}" for name, label in names.items())


def describe(sdk: Outcomes, own: Outcomes, private: Sequence[str], examples: int) -> str:
    """Return the report: counts of both sides and grouped causes, tests of private parts apart."""
    lines: list[str] = []
    for title, wanted in (("tests", False), ("tests of private parts", True)):
        with_sdk, with_own = (_selected(outcomes, private, wanted) for outcomes in (sdk, own))
        if wanted and not with_sdk and not with_own:
            continue
        differing = lost(with_sdk, with_own)
        gained = [test for test in lost(with_own, with_sdk) if test in with_sdk]  # not those that a killed run left out
        lines += [f"{title}:", f"  with the SDK: {counts(with_sdk)}", f"  with oai:     {counts(with_own)}"]
        rest = {test: outcome for test, outcome in differing.items() if not PRIVATE_NAME.search(outcome.message)}
        of_names = len(differing) - len(rest)
        inside = f", {of_names} of them for a private name" if of_names else ""
        lines += [f"  pass only with the SDK: {len(differing)}{inside}; only with oai: {len(gained)}"]
        for cause, tests in grouped(rest):
            more = [f"        and {len(tests) - examples} more"] if len(tests) > examples else []
            lines += [f"  {len(tests):5} {cause}", *(f"        {test}" for test in tests[:examples]), *more]
    return "\n".join(lines)


def _selected(outcomes: Outcomes, private: Sequence[str], wanted: bool) -> dict[str, Outcome]:
    return {
        test: outcome
        for test, outcome in outcomes.items()
        if any(fnmatch(test, pattern) or fnmatch(test, f"{pattern}::*") for pattern in private) is wanted
    }
