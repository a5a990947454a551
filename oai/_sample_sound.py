"""A sound: what is answered where somebody wants speech."""

from __future__ import annotations

import math
import struct
from functools import cache


@cache
def tone() -> bytes:
    """Return a quarter of a second of a 440 Hz tone as a WAV file (RIFF, PCM, 8 bits, one channel, 8 kHz)."""
    rate = 8000
    samples = bytes(128 + round(60 * math.sin(2 * math.pi * 440 * index / rate)) for index in range(rate // 4))
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(layout) + len(data), b"WAVE") + layout + data
