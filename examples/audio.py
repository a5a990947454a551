"""Convert text to speech, and speech to text: plain, with timestamps, and translated to English.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/audio.py`.
"""

import tempfile
import warnings
from pathlib import Path

import oai

client = oai.OpenAI()
path = Path(tempfile.mkdtemp()) / "hello.wav"

speech = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello, how are you?", response_format="wav")
speech.write_to_file(path)
print(path.stat().st_size, "bytes")

print(client.audio.transcriptions.create(model="whisper-1", file=path).text)
timed = client.audio.transcriptions.create(model="whisper-1", file=path, response_format="verbose_json")
print(timed.duration, "seconds of", timed.language)
print(client.audio.transcriptions.create(model="whisper-1", file=path, response_format="srt"))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    print(client.audio.translations.create(model="whisper-1", file=path).text)
