"""Record a test's calls once, commit the cassette, and replay it from then on.

Run it, no key needed: `python examples/recording.py`.
"""

import tempfile
from pathlib import Path

import oai

cassette = Path(tempfile.mkdtemp()) / "greeting.cassette"


def greet(client):
    """The code under test."""
    return client.responses.create(model="gpt-5", input="Say hello.").output_text


# Once, with a key (OAI_RECORD=record in the environment equals mode="record"). Here a fake replaces the API.
fake = oai.FakeTransport()
fake.responses.create.returns("Hello!")
with oai.Recorder(cassette, fake, mode="record") as recorder:
    greet(oai.OpenAI(transport=recorder))
print(cassette.stat().st_size > 0)


def test_greeting():
    with oai.Recorder(cassette, mode="replay") as recorder:  # no key, no network
        assert greet(oai.OpenAI(transport=recorder)) == "Hello!"


test_greeting()
print("passed")
