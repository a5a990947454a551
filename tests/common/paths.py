"""Where the repository keeps what tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DATA = TESTS / "data"
API = ROOT.parent / "shared" / "api"
"""The published specification and its examples, where they lie beside the checkout."""
