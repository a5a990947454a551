"""Agents: files, turns, tool calls, event streams and artifacts of agent sessions."""
