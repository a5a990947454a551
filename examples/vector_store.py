"""Put files into a vector store, wait until they are indexed, and search.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/vector_store.py`.
"""

import oai

client = oai.OpenAI()
notes = [(f"note-{number}.txt", f"Note {number}: the sea is deep.".encode()) for number in range(3)]

store = client.vector_stores.create(name="notes")
batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=notes, deadline=300)
print(batch.status, batch.file_counts)

for result in client.vector_stores.search(store.id, query="How deep is the sea?"):
    print(result.score, result.filename, result.content[0].text)

answer = client.responses.create(
    model="gpt-5",
    input="How deep is the sea?",
    tools=[{"type": "file_search", "vector_store_ids": [store.id]}],
)
print(answer.output_text)
client.vector_stores.delete(store.id)
