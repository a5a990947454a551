"""Trace calls with OpenTelemetry: a span for each, with its tokens, until its stream has ended.

It needs `pip install 'oai[otel]' opentelemetry-sdk`.
Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/tracing.py`.
"""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import oai
from oai.otel import instrument

exporter = InMemorySpanExporter()  # in a program, one that sends to your collector
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))

client = instrument(oai.OpenAI(), tracer_provider=provider)  # content=True records the messages, too
messages = [{"role": "user", "content": "Tell me about the sea."}]
with provider.get_tracer("example").start_as_current_span("question"):
    client.chat.completions.create(model="gpt-5", messages=messages)
    for _ in client.responses.create(model="gpt-5", input="And about the sky?", stream=True):
        pass

for span in exporter.get_finished_spans():
    tokens = {name: value for name, value in span.attributes.items() if "usage" in name}
    print(span.name, "in" if span.parent else "at the top", tokens)
