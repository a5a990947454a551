"""Pass a stream on from a Django application to its own clients: `stream.as_sse()` in a `StreamingHttpResponse`.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/django_app.py`.
"""

import json

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

import oai
from oai.transports import WsgiTransport

settings.configure(ALLOWED_HOSTS=["localhost"], ROOT_URLCONF=__name__, SECRET_KEY="x" * 50, USE_TZ=True)
django.setup()
upstream = oai.OpenAI()


@csrf_exempt
def chat(request):
    messages = json.loads(request.body)["messages"]
    stream = upstream.chat.completions.create(model="gpt-5", messages=messages, stream=True)
    return StreamingHttpResponse(stream.as_sse(errors="send"), content_type="text/event-stream")


urlpatterns = [path("v1/chat/completions", chat)]

if __name__ == "__main__":
    # Call the application as a browser would, here without a socket.
    transport = WsgiTransport(get_wsgi_application())
    client = oai.OpenAI(transport=transport, base_url="http://localhost/v1", api_key="of-the-application")
    messages = [{"role": "user", "content": "Hello"}]
    stream = client.chat.completions.create(model="any", messages=messages, stream=True)
    print(stream.response.headers["content-type"])
    print("".join(chunk.choices[0].delta.content or "" for chunk in stream))
    again = client.chat.completions.create(model="any", messages=messages, stream=True)
    print("as events:", next(again.as_sse()))
