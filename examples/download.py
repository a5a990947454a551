"""Download a file without holding it in memory, with progress.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/download.py`.
"""

import tempfile
from pathlib import Path

import oai

client = oai.OpenAI()
path = Path(tempfile.mkdtemp()) / "speech.wav"


def show(done, total):
    print(done, "of", total or "unknown", "bytes")


with client.audio.speech.with_streaming_response.create(
    model="tts-1", voice="alloy", input="A long text.", response_format="wav"
) as response:
    response.stream_to_file(path, progress=show)  # written atomically
print(path.stat().st_size, "bytes")

with client.files.with_streaming_response.content("file-1") as response:
    print(sum(len(piece) for piece in response.iter_bytes()), "bytes, piece by piece")
