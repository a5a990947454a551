"""The flow of a call: attempts, retries, redirects, deadline.

`attempts` is a generator that yields effects (send, sleep, read) and performs none, so that one source serves sync and
async; `drivers` runs it in both ways. `retry` decides whether and when to repeat, `redirects` where to go next, and
`observe` reports attempts to hooks and the log. `steps` runs helpers, which are generators as well.

This room does no I/O and does not know which transport is used.
"""
