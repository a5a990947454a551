"""Helpers for beta features, at the official SDK's import paths."""
