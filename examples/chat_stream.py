"""Print a chat completion word by word as it arrives, and the token usage at the end.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/chat_stream.py`.
"""

import oai

client = oai.OpenAI()

with client.chat.completions.create(
    model="gpt-5",
    messages=[{"role": "user", "content": "Tell me about the sea."}],
    stream=True,
    stream_options={"include_usage": True},
) as stream:
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
        if chunk.usage:
            print(f"\n{chunk.usage.total_tokens} tokens")
