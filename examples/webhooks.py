"""Verify that a webhook comes from the API, and parse its event.

Run it, no key needed: `python examples/webhooks.py`.
"""

import base64
import hashlib
import hmac
import time

import oai

secret = base64.b64encode(b"the secret of this example").decode()
client = oai.OpenAI(api_key="none", webhook_secret=f"whsec_{secret}")  # or OPENAI_WEBHOOK_SECRET


def handle(body, headers):
    """Handle a request of a web framework; `body` must be the raw body."""
    try:
        event = client.webhooks.unwrap(body, headers)
    except oai.InvalidWebhookSignatureError as error:
        return f"400 {error}"
    match event.type:
        case "response.completed":
            return f"200 response {event.data.id} is completed"
        case _:
            return f"200 {event.type} is ignored"


body = '{"id": "evt_1", "object": "event", "created_at": 1, "type": "response.completed", "data": {"id": "resp_1"}}'
now = str(int(time.time()))
signature = hmac.digest(base64.b64decode(secret), f"evt_1.{now}.{body}".encode(), hashlib.sha256)
headers = {"webhook-id": "evt_1", "webhook-timestamp": now}
print(handle(body, {**headers, "webhook-signature": f"v1,{base64.b64encode(signature).decode()}"}))
print(handle(body, {**headers, "webhook-signature": "v1,AAAA"}))
