"""Test code without the API: program responses, then check the calls.

Run it, no key needed: `python examples/faking.py`.
"""

import oai


def summarize(client, text):
    """The code under test."""
    answer = client.responses.create(model="gpt-5", instructions="Summarize.", input=text)
    return answer.output_text


def test_summary_is_retried():
    fake = oai.FakeTransport()
    fake.responses.create.fails(429, retry_after=0).then.returns("Short.")
    assert summarize(oai.OpenAI(transport=fake), "A long text.") == "Short."
    assert [call.body["input"] for call in fake.calls] == ["A long text."] * 2


def test_code_with_its_own_client():
    fake = oai.FakeTransport()
    fake.responses.create.returns("Short.")
    with oai.default_transport(fake):
        assert summarize(oai.OpenAI(), "A long text.") == "Short."


test_summary_is_retried()
test_code_with_its_own_client()
print("passed")
