"""Every difference that the other tests leave out has an example that differs, and no example differs for another reason.

Whoever mends a fault takes its entry out of `faults.KNOWN_FAULTS`; its example stays, and holds what was mended.
"""

from __future__ import annotations

import pytest

from tests.official.difference_examples import EXAMPLES, compared
from tests.official.faults import KNOWN_FAULTS, ON_PURPOSE


def test_every_difference_has_an_example() -> None:
    assert {*KNOWN_FAULTS, *ON_PURPOSE} <= {*EXAMPLES}
    assert not {*KNOWN_FAULTS} & {*ON_PURPOSE}


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_listed_names_differ(name: str) -> None:
    ours, theirs = compared(name)
    if name in KNOWN_FAULTS or name in ON_PURPOSE:
        assert ours != theirs, "mended: take it off the list"
    else:
        assert ours == theirs
