"""Programmed answers for tests: what `FakeTransport` replies, and the calls it has seen.

`program` is the interface that a test uses, `answers` and `pages` make the replies, `check` validates them against the
operation's type, `calls` keeps the requests, and `paths` finds the behaviour for a call path.

This room stands on `_offline` for what a test leaves open. It opens no connection.
"""
