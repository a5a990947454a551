"""Stream helpers: text as it arrives, and the assembled response at the end.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/stream_helpers.py`.
"""

import oai

client = oai.OpenAI()
messages = [{"role": "user", "content": "Tell me about the sea."}]

with client.chat.completions.stream(model="gpt-5", messages=messages) as stream:
    for event in stream:
        if event.type == "content.delta":
            print(event.delta, end="", flush=True)
    print("\nwhole:", stream.get_final_completion().choices[0].message.content)

with client.responses.stream(model="gpt-5", input="Tell me about the sea.") as stream:
    for text in stream.text_deltas:
        print(text, end="|")
    print("\nstatus:", stream.get_final_response().status)
