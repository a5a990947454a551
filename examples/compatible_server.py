"""Talk to a server with a compatible API: vLLM, Ollama, llama.cpp, a proxy, or `oai serve`.

Run it, no key needed: `python examples/compatible_server.py`.
"""

import oai
from oai.testing import serve

# OPENAI_BASE_URL=http://localhost:8000/v1 in the environment sets it for all clients
with (
    serve(oai.OfflineTransport()) as url,  # a local server for this example
    oai.OpenAI(base_url=url, api_key="none") as client,
):
    answer = client.chat.completions.create(
        model="my-model",
        messages=[{"role": "user", "content": "Hello"}],
        extra_body={"top_k": 20},  # a parameter of this server only
    )
    print(answer.choices[0].message.content)
    print(answer.to_json(indent=2))
