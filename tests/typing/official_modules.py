"""Types by the module that the official SDK has them in: checkers know them."""

from typing import assert_type

import oai
from oai.types.chat.chat_completion import ChatCompletion, Choice
from oai.types.chat.chat_completion_message_param import ChatCompletionMessageParam
from oai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from oai.types.completion_usage import CompletionUsage
from oai.types.responses.file_search_tool_param import Filters
from oai.types.responses.response_output_text import AnnotationURLCitation
from oai.types.shared_params import ComparisonFilter

client = oai.OpenAI()
messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
completion = client.chat.completions.create(model="gpt-5", messages=messages)
assert_type(completion, ChatCompletion)
assert_type(completion.choices[0], Choice)
assert_type(completion.usage, CompletionUsage | None)
params: CompletionCreateParamsNonStreaming = {"model": "gpt-5", "messages": messages}
key: ComparisonFilter = {"key": "a", "type": "eq", "value": 1}
filters: Filters = key


def url(annotation: AnnotationURLCitation) -> str:
    return annotation.url
