"""Print the events of a streamed response, each of its own type.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/response_stream.py`.
"""

import oai

client = oai.OpenAI()

with client.responses.create(model="gpt-5", input="Tell me a story.", stream=True) as stream:
    for event in stream:
        match event.type:
            case "response.output_text.delta":
                print(event.delta, end="", flush=True)
            case "response.completed":
                print("\nstatus:", event.response.status)
