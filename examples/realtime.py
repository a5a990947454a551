"""A conversation over a WebSocket: send a message, and print the response as it arrives. Needs `oai[realtime]`.

    OPENAI_API_KEY=... python examples/realtime.py

Without a key it talks to a local server that simulates the API.
"""

import json
import os
import threading

from websockets.sync.server import ServerConnection, serve

import oai


def talk(client: oai.OpenAI) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello!"}]}
        )
        connection.response.create()
        for event in connection:  # typed by event, so that editors know the fields
            if event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)
            elif event.type == "error":  # the connection stays open
                print(event.error.message)
            elif event.type == "response.done":
                print(f"\n{event.response.status}")
                break


def simulate(socket: ServerConnection) -> None:
    """Respond like the API, and with an event of an unknown type, which is passed on, too."""
    for frame in socket:
        if json.loads(frame)["type"] == "response.create":
            socket.send('{"type": "a.new.event", "anything": 1}')
            for delta in ("Hello", " to", " you!"):
                socket.send(json.dumps({"type": "response.output_text.delta", "delta": delta}))
            socket.send('{"type": "response.done", "response": {"status": "completed"}}')


if os.environ.get("OPENAI_API_KEY"):
    talk(oai.OpenAI())
else:
    with serve(simulate, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        talk(oai.OpenAI(api_key="none", base_url=url, transport=oai.HTTPTransport()))
        server.shutdown()
        thread.join()
