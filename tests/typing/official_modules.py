"""Types by the module that the official SDK has them in: checkers know them."""

from typing import Literal, assert_type

import httpx
from pydantic import BaseModel

import oai
from oai.lib.azure import AsyncAzureOpenAI, AzureOpenAI
from oai.lib.beta.agents import function_tool
from oai.lib.browser import BrowserConfirmContext, BrowserReadV1, BrowserState, BrowserToolset, TabInput
from oai.lib.computer import ComputerToolset
from oai.lib.live import TranscriptGrouper
from oai.lib.realtime_translation import TranslationSession
from oai.lib.responses_websocket import ResponsesWebSocketSession
from oai.lib.streaming import AssistantEventHandler
from oai.lib.streaming.chat import ChatCompletionStream, ChatCompletionStreamEvent
from oai.lib.streaming.responses import ResponseStream, ResponseTextDeltaEvent
from oai.lib.tool_diagnostics import ToolDiagnostic
from oai.providers.bedrock import BedrockTokenProvider
from oai.resources.chat.completions import AsyncCompletions, Completions
from oai.resources.models import Models
from oai.resources.responses.responses import ResponsesConnection
from oai.types.chat.chat_completion import ChatCompletion, Choice
from oai.types.chat.chat_completion_message import ChatCompletionMessage
from oai.types.chat.chat_completion_message_param import ChatCompletionMessageParam
from oai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from oai.types.completion_usage import CompletionUsage
from oai.types.live import InputTranscriptDeltaEvent, OutputTranscriptDeltaEvent, ServerEvent
from oai.types.live.decision_question import DecisionQuestion
from oai.types.live.decisions_delegation_config import Question
from oai.types.responses import ResponseFunctionToolCall
from oai.types.responses.file_search_tool_param import Filters
from oai.types.responses.response_output_text import AnnotationURLCitation
from oai.types.shared_params import ComparisonFilter

client = oai.OpenAI()
messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
assert_type(client.chat.completions, Completions)
assert_type(oai.AsyncOpenAI().chat.completions, AsyncCompletions)
assert_type(client.models, Models)
with client.responses.connect() as connection:
    assert_type(connection, ResponsesConnection)
completion = client.chat.completions.create(model="gpt-5", messages=messages)
assert_type(completion, ChatCompletion)
assert_type(completion.choices[0], Choice)
assert_type(completion.usage, CompletionUsage | None)
params: CompletionCreateParamsNonStreaming = {"model": "gpt-5", "messages": messages}
key: ComparisonFilter = {"key": "a", "type": "eq", "value": 1}
filters: Filters = key


def url(annotation: AnnotationURLCitation) -> str:
    return annotation.url


class Answer(BaseModel):
    """A type of structured output."""

    text: str


parsed = client.chat.completions.parse(model="gpt-5", messages=messages, response_format=Answer)
for call in parsed.choices[0].message.tool_calls or []:
    assert_type(call.function.name, str)
response = client.responses.parse(model="gpt-5", input="Hello", text_format=Answer)
for item in response.output:
    if item.type == "message":
        for part in item.content:
            if part.type == "output_text":
                assert_type(part.parsed, Answer | None)
    elif item.type == "function_call":
        print(item.parsed_arguments)


def follow(stream: ChatCompletionStream[None], event: ChatCompletionStreamEvent[None]) -> str:
    """Take what a helper stream of the SDK's module yields."""
    if event.type == "content.delta":
        assert_type(event.delta, str)
    return stream.get_final_completion().choices[0].message.content or ""


with client.responses.stream(model="gpt-5", input="Hello") as responses:
    for response_event in responses:
        if isinstance(response_event, ResponseTextDeltaEvent):
            assert_type(response_event.snapshot, str)


class Handler(AssistantEventHandler):
    """Overrides one of the SDK's hooks."""

    def on_text_created(self, text: oai.types.beta.threads.Text) -> None:
        print(text.value)


def ask(question: Question) -> DecisionQuestion:
    return question


def clients(token: BedrockTokenProvider) -> tuple[type[AzureOpenAI], type[AsyncAzureOpenAI], BedrockTokenProvider]:
    return AzureOpenAI, AsyncAzureOpenAI, token


def helpers(diagnostic: ToolDiagnostic, session: ResponsesWebSocketSession, final: ResponseStream[None]) -> object:
    return function_tool, ComputerToolset, TranscriptGrouper, TranslationSession, diagnostic, session, final


def made() -> list[ServerEvent | Choice]:
    call = ResponseFunctionToolCall(type="function_call", arguments="{}", call_id="c", name="n")
    assert_type(call.type, Literal["function_call"])
    message = ChatCompletionMessage(role="assistant", content="Hi")
    choice = Choice(index=0, finish_reason="stop", message=message, logprobs=None)
    events: list[InputTranscriptDeltaEvent | OutputTranscriptDeltaEvent] = [
        InputTranscriptDeltaEvent(type="session.input_transcript.delta", delta="a", start_ms=0, end_ms=1, event_id="e"),
    ]
    return [choice, *events]


class Museum:
    """A driver of a browser, checked against the protocol and the types of its members."""

    def state(self) -> BrowserState:
        return {"tabs": [{"id": "1", "title": "Museum", "url": "https://museum.example", "active": True}]}

    def get_page_text(self, action: TabInput) -> BrowserReadV1:
        return {"version": 1, "text": action["tab_id"] or "", "elements": [], "omitted": ["private"]}


def confirm(context: BrowserConfirmContext) -> bool:
    return context["state"]["tabs"][0]["active"]


browser = BrowserToolset(Museum(), confirm=confirm)
for output in client.responses.create(model="gpt-5", input="Look.", tools=browser.tools).output:
    if output.type == "function_call":
        client.responses.create(model="gpt-5", input=[browser.execute(output)])


def with_httpx(response: httpx.Response, request: httpx.Request) -> list[Exception]:
    own = oai.OpenAI(base_url=httpx.URL("https://x.example"), timeout=httpx.Timeout(60.0, connect=5.0))
    own.base_url = httpx.URL("https://y.example")
    own.chat.completions.create(model="m", messages=[], timeout=httpx.Timeout(None))
    own.with_options(timeout=(5, 60)).post("/x", cast_to=httpx.Response, content=iter([b"a"]))
    timeout, failed = oai.APITimeoutError(request=request), oai.APIConnectionError(request=request)
    return [oai.RateLimitError("slow", response=response, body=None), timeout, failed]
