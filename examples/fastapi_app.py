"""Pass a stream on from a FastAPI application to its own clients: `stream.as_sse()` in a `StreamingResponse`.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/fastapi_app.py`.
"""

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

import oai
from oai.transports import AsgiTransport

app = FastAPI()
upstream = oai.AsyncOpenAI()


@app.post("/v1/chat/completions")
async def chat(body: dict[str, Any]) -> Any:
    stream = await upstream.chat.completions.create(model="gpt-5", messages=body["messages"], stream=True)
    return StreamingResponse(stream.as_sse(errors="send"), media_type="text/event-stream")


@app.post("/v1/responses")
async def respond(body: dict[str, Any]) -> Any:
    async def events():
        async with upstream.responses.stream(model="gpt-5", input=body["input"]) as stream:
            async for event in stream.as_sse(errors="send"):
                yield event
            print("whole:", (await stream.get_final_response()).output_text)  # to save it, for example

    return StreamingResponse(events(), media_type="text/event-stream")


async def main():
    """Call the application as a browser would, here without a socket."""
    client = oai.AsyncOpenAI(transport=AsgiTransport(app), base_url="http://localhost/v1", api_key="of-the-application")
    messages = [{"role": "user", "content": "Hello"}]
    async for chunk in await client.chat.completions.create(model="any", messages=messages, stream=True):
        print(chunk.choices[0].delta.content or "", end="")
    print()
    async for _ in await client.responses.create(model="any", input="Hello", stream=True):
        pass


asyncio.run(main())
