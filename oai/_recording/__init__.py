"""Cassettes: recorded exchanges on disk.

`cassette` is the file format, `content` how bodies are written, `matching` when two requests are equal, `session` what
one run replays and adds, `replies` the replayed replies, and `vcr` reads and writes the cassettes of vcrpy.

This room redacts before it writes. It does not send; `oai.transports.recorder` puts it in front of a transport.
"""
