"""Observe every attempt of every call, for metrics and traces. OPENAI_LOG=info logs them without any code.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/hooks.py`.
"""

import oai


def begin(attempt):
    attempt.context["span"] = f"{attempt.operation} #{attempt.number}"
    return {"X-Trace": "trace-1"}  # additional header fields


def end(attempt):
    print(attempt.context["span"], attempt.status, attempt.request_id, f"{attempt.elapsed >= 0}")


def retry(attempt):
    print("retry in", attempt.delay, "seconds, after", attempt.status or attempt.error)


client = oai.OpenAI(on_request=begin, on_reply=end, on_retry=retry)
answer = client.responses.create(model="gpt-5", input="Hello")
print(answer.output_text, answer._response.rate_limit)
