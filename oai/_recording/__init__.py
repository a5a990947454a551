"""Cassettes: recorded exchanges on disk.

`cassette` is the file format, `content` encodes bodies in it, `leaks` searches exchanges for secrets, `matching`
decides when two requests are equal, `session` replays and records the exchanges of one run, `replies` are the replies
of both, and `vcr` imports cassettes of vcrpy.

This room redacts secrets before it writes. It does not send; `oai.transports.recorder` wraps it around a transport.
"""
