"""The Assistants API: an assistant, a thread of messages, and a run, polled and streamed.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/assistants.py`.
"""

import warnings

import oai

warnings.simplefilter("ignore", DeprecationWarning)  # the API deprecates them in favour of responses
client = oai.OpenAI()
assistants, threads = client.beta.assistants, client.beta.threads

assistant = assistants.create(model="gpt-4.1", name="Tutor", instructions="You teach mathematics.")
thread = threads.create(messages=[{"role": "user", "content": "What is a prime?"}])
run = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, deadline=60)
print(run.status)
for message in threads.messages.list(thread.id, run_id=run.id):
    print(message.role, message.content[0].text.value)
for step in threads.runs.steps.list(run.id, thread_id=thread.id):
    print(step.type, step.status)

threads.messages.create(thread.id, role="user", content="And a twin prime?")
with threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
    for text in stream.text_deltas:
        print(text, end="", flush=True)
print()
assistants.delete(assistant.id)
