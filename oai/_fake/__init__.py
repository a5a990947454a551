"""Programmed responses for tests: the replies of `FakeTransport`, and a record of the calls it received.

`program` is the interface that a test uses, `answers` and `pages` build the replies, `check` validates them against the
operation's type, `calls` records the requests, and `paths` finds the behaviour for a call path.

`_offline` fills in the fields that a test does not set. This room opens no connection.
"""
