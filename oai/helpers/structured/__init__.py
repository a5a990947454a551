"""Structured outputs: schemas from Python types, parsed results, function tools, tool runs."""
