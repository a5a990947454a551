"""Limit the time of a single wait, of a whole call with its retries, and of polling.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/deadlines.py`.
"""

import threading

import oai

client = oai.OpenAI(timeout=30, deadline=60)  # seconds: of each wait; of a whole call

answer = client.with_options(deadline=5).responses.create(model="gpt-5-mini", input="Quick!")
print(answer.output_text)

slow = oai.FakeTransport()  # for this example
slow.responses.create.returns("Here I am.")
slow.responses.create.delays(10)
try:
    client.with_options(deadline=0.01, transport=slow).responses.create(model="gpt-5", input="Take your time.")
except oai.APITimeoutError as error:
    print("too late:", error)

stop = threading.Event()  # another thread may set it
store = client.vector_stores.create(name="notes")
file = client.vector_stores.files.upload_and_poll(
    vector_store_id=store.id, file=("notes.txt", b"The sea is deep."), deadline=600, cancel=stop
)
print(file.status)
