"""Agents: files, turns, tool calls, event streams and artifacts of agent sessions.

`streams` opens the streams of a session, `turns` drives them, `turn_events` finds the end of a turn in them, `calls`
runs tools, `results` accumulates the result of a turn and does no I/O. `tools`, `files` and `artifacts` are independent
of streams.
"""
