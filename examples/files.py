"""Upload files, wait until they are processed, read one back, and delete it.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/files.py`.
"""

import io
import tempfile
from pathlib import Path

import oai

client = oai.OpenAI()
path = Path(tempfile.mkdtemp()) / "notes.txt"
path.write_text("The sea is deep.\n")

by_path = client.files.create(file=path, purpose="user_data")
in_memory = client.files.create(file=("more.txt", io.BytesIO(b"And wide."), "text/plain"), purpose="user_data")
print(by_path.id, by_path.filename, in_memory.bytes)

client.files.wait_for_processing(by_path.id)
print(client.files.retrieve(by_path.id).status)
print(client.files.content(by_path.id).text)
print(client.files.delete(by_path.id).deleted)
