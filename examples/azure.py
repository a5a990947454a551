"""Azure's service: the same calls, by deployment.

Run it with AZURE_OPENAI_API_KEY set, or without one: `OAI_TRANSPORT=offline python examples/azure.py`.
"""

import oai

client = oai.AzureOpenAI(
    azure_endpoint="https://example.openai.azure.com",
    api_version="2024-10-21",
    # the key is read from AZURE_OPENAI_API_KEY; alternatively, pass azure_ad_token_provider=...
)
answer = client.chat.completions.create(
    model="my-deployment",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)
print(client)
