"""Upload a large file in concurrent parts, and resume after a failure.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/large_upload.py`.
"""

import tempfile
from pathlib import Path

import oai

client = oai.OpenAI()
path = Path(tempfile.mkdtemp()) / "large.jsonl"
path.write_bytes(b'{"messages": []}\n' * 100_000)


def show(done, total):
    print(f"\r{done / total:4.0%}", end="", flush=True)


upload = client.uploads.upload_file_chunked(
    file=path,
    mime_type="application/jsonl",
    purpose="fine-tune",
    part_size=2**19,
    max_concurrency=4,
    progress=show,
    journal=path.with_suffix(".state"),  # after a failure, a second run sends only the missing parts
)
print("", upload.status, upload.file)
