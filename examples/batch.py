"""Send many requests at half the price, as a batch: methods queue, and leaving the block sends and waits.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/batch.py`.
"""

import tempfile
from pathlib import Path

import oai

client = oai.OpenAI()
journal = Path(tempfile.mkdtemp()) / "batch.json"  # keep it to resume the same block after a crash

with client.batch(journal=journal, deadline=24 * 3600) as batch:
    answers = [
        batch.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": f"Tell me about {topic}."}])
        for topic in ("the sea", "the sky")
    ]

for answer in answers:
    try:
        print(answer.result().choices[0].message.content)
    except oai.APIError as error:  # the error of this request only
        print(error)
