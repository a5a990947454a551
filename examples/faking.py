"""A test without the API: say what it answers, then look at what it was asked.

Run it, no key needed: `python examples/faking.py`.
"""

import oai


def summarize(client, text):
    """What is tested."""
    answer = client.responses.create(model="gpt-5", instructions="Summarize.", input=text)
    return answer.output_text


def test_a_summary_survives_a_busy_server():
    fake = oai.FakeTransport()
    fake.responses.create.fails(429, retry_after=0).then.returns("Short.")
    assert summarize(oai.OpenAI(transport=fake), "A long text.") == "Short."
    assert [call.body["input"] for call in fake.calls] == ["A long text."] * 2


def test_code_that_makes_its_own_client():
    fake = oai.FakeTransport()
    fake.responses.create.returns("Short.")
    with oai.default_transport(fake):
        assert summarize(oai.OpenAI(), "A long text.") == "Short."


test_a_summary_survives_a_busy_server()
test_code_that_makes_its_own_client()
print("passed")
