"""Measure the package against the bare libraries that it stands on and against the official SDK.

`python -m benchmarks` runs everything, `--quick` what fits into CI. README.md says what is measured and how.
"""
