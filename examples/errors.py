"""Handle errors: rejected requests, failed connections, and misspelt parameters.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/errors.py`.
"""

import oai

client = oai.OpenAI(max_retries=1)
broken = client.with_options(base_url="http://127.0.0.1:9/v1", transport=oai.HTTPTransport(), api_key="none")
messages = [{"role": "user", "content": "Hello"}]

for each in (client, broken):
    try:
        print(each.chat.completions.create(model="gpt-5", messages=messages).choices[0].message.content)
    except oai.RateLimitError as error:  # after two attempts
        print("too much:", error.code, error.response.rate_limit)
    except oai.APIStatusError as error:
        print("refused:", error.status_code, error.message, error.request_id)
    except oai.APIConnectionError as error:  # also oai.APITimeoutError
        print("not reached:", error)

try:
    client.chat.completions.create(model="gpt-5", mesages=messages)
except TypeError as error:
    print(error)
