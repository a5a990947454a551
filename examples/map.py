"""Call a method for every row: concurrently, in order, with progress, resumable after a crash.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/map.py`.
"""

import tempfile
from pathlib import Path

import oai

client = oai.OpenAI()
texts = [f"Text number {number}" for number in range(20)]
journal = Path(tempfile.mkdtemp()) / "embeddings.journal"


def show(done, total):
    print(f"\r{done} of {total}", end="", flush=True)


rows = [{"model": "text-embedding-3-small", "input": text} for text in texts]
answers = oai.map(client.embeddings.create, rows, concurrency=8, progress=show, journal=journal)
print()
print(len(answers), "vectors of", len(answers[0].data[0].embedding))

again = oai.map(client.embeddings.create, rows, journal=journal)  # sends nothing: the journal has all results
print(list(again[0].data[0].embedding) == list(answers[0].data[0].embedding))
