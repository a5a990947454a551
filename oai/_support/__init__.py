"""Small tools that know nothing of HTTP, JSON schemas or the API.

The placeholder for an omitted argument, redaction of secrets, atomic file replacement, spelling suggestions for
error messages, lazy packages, and coercion of untyped JSON data. Every other room may use them.

This room imports nothing of the package, so that no change elsewhere can reach it.
"""
