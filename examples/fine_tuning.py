"""Fine-tune a model: upload examples, start a job, follow its events, cancel it.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/fine_tuning.py`.
"""

import json
import tempfile
from pathlib import Path

import oai

client = oai.OpenAI()
path = Path(tempfile.mkdtemp()) / "examples.jsonl"
example = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ahoy!"}]}
path.write_text(f"{json.dumps(example)}\n" * 10)

file = client.files.create(file=path, purpose="fine-tune")
job = client.fine_tuning.jobs.create(model="gpt-4.1-mini", training_file=file.id, suffix="pirate")
print(job.id, job.status)
for event in client.fine_tuning.jobs.list_events(job.id, limit=10):
    print(event.level, event.message)
if client.fine_tuning.jobs.retrieve(job.id).status in ("validating_files", "queued", "running"):
    client.fine_tuning.jobs.cancel(job.id)
