"""Run an application that imports `openai` over `oai`: as it is, recorded, and replayed offline.

Run it, no key needed: `python examples/as_openai.py`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import oai
from oai import as_openai

# An application that knows nothing of `oai`. Usually it is a package that somebody else wrote.
APPLICATION = """
import sys
from openai import OpenAI
from openai.types.chat import ChatCompletion

def ask(question: str) -> ChatCompletion:
    messages = [{"role": "user", "content": question}]
    return OpenAI().chat.completions.create(model="gpt-5", messages=messages)

if __name__ == "__main__":
    print(ask(sys.argv[1]).choices[0].message.content)
"""
place = Path(tempfile.mkdtemp())
(place / "application.py").write_text(APPLICATION)

# From the shell: python -m oai.as_openai application.py (or -m pytest, for a test suite).
offline = {**os.environ, "OAI_TRANSPORT": "offline"}  # leave it out, to send with your key
command = [sys.executable, "-m", "oai.as_openai", str(place / "application.py"), "Why is the sky blue?"]
print(subprocess.check_output(command, env=offline, text=True))  # noqa: S603 - our own program

# From Python, before anything imports openai: in a conftest.py, or in a sitecustomize.py.
as_openai.install()
sys.path.insert(0, str(place))
import application  # noqa: E402 - it imports openai

cassette = place / "application.cassette"
with oai.Recorder(cassette, oai.OfflineTransport(), mode="record") as recorder, oai.default_transport(recorder):
    first = application.ask("Hello?")
with oai.Recorder(cassette, mode="replay") as recorder, oai.default_transport(recorder):
    assert application.ask("Hello?") == first
print("recorded and replayed:", cassette.stat().st_size > 0)
