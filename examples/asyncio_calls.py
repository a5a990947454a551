"""Concurrent calls with asyncio: gathered, with a limit, and streamed.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/asyncio_calls.py`.
"""

import asyncio

import oai

TOPICS = ["the sea", "the sky", "the moon", "the sun"]


async def main():
    async with oai.AsyncOpenAI() as client:

        async def describe(topic):
            answer = await client.responses.create(model="gpt-5", input=f"Tell me about {topic}.")
            return answer.output_text

        for text in await asyncio.gather(*map(describe, TOPICS)):
            print(text)

        rows = [{"model": "gpt-5", "input": f"What is {topic}?"} for topic in TOPICS]
        for answer in await oai.amap(client.responses.create, rows, concurrency=2, errors="return"):
            print(answer.output_text)

        stream = await client.responses.create(model="gpt-5", input="Tell me a story.", stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)


asyncio.run(main())
