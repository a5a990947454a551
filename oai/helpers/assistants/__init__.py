"""Assistants (beta): event streams of runs, and the state that they accumulate."""
