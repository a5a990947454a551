"""What tests of code that uses `oai` need, and tests of transports; each part in a module of its own.

Names are imported when they are first used: pytest loads this package wherever oai is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oai._lazy import attach

if TYPE_CHECKING:
    from oai.testing.loopback import Answer as Answer
    from oai.testing.loopback import Loopback as Loopback
    from oai.testing.loopback import Part as Part
    from oai.testing.loopback import Plan as Plan
    from oai.testing.loopback import Seen as Seen
else:
    __getattr__, __dir__ = attach(__name__, {"oai.testing.loopback": "Answer Loopback Part Plan Seen"})
