"""Talk to a server that speaks the API: vLLM, Ollama, llama.cpp, a proxy, or `oai serve`.

Run it, no key needed: `python examples/compatible_server.py`.
"""

import oai
from oai.testing import serve

# OPENAI_BASE_URL=http://localhost:8000/v1 would say the same for every client
with (
    serve(oai.OfflineTransport()) as url,  # a server, for the sake of the example
    oai.OpenAI(base_url=url, api_key="none") as client,
):
    answer = client.chat.completions.create(
        model="my-model",
        messages=[{"role": "user", "content": "Hello"}],
        extra_body={"top_k": 20},  # what only this server knows
    )
    print(answer.choices[0].message.content)
    print(answer.to_json(indent=2))
