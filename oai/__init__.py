"""oai: the OpenAI API from one table of endpoints.

    import oai
    client = oai.OpenAI()
    answer = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])

Everything public is here, in `oai.types` (the structs) and in `oai.transports`. Names are imported when they
are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oai import transports as transports
    from oai import types as types
    from oai._answer import BinaryResponse as BinaryResponse
    from oai._azure import AsyncAzureOpenAI as AsyncAzureOpenAI
    from oai._azure import AzureOpenAI as AzureOpenAI
    from oai._config import DEFAULT_MAX_RETRIES as DEFAULT_MAX_RETRIES
    from oai._config import DEFAULT_TIMEOUT as DEFAULT_TIMEOUT
    from oai._connection import AsyncConnection as AsyncConnection
    from oai._connection import Connection as Connection
    from oai._decode import decode as decode
    from oai._default_transport import default_transport as default_transport
    from oai._errors import APIConnectionError as APIConnectionError
    from oai._errors import APIError as APIError
    from oai._errors import APIResponseValidationError as APIResponseValidationError
    from oai._errors import APIStatusError as APIStatusError
    from oai._errors import APITimeoutError as APITimeoutError
    from oai._errors import AuthenticationError as AuthenticationError
    from oai._errors import BadRequestError as BadRequestError
    from oai._errors import ConflictError as ConflictError
    from oai._errors import ContentFilterFinishReasonError as ContentFilterFinishReasonError
    from oai._errors import InsecureWarning as InsecureWarning
    from oai._errors import InternalServerError as InternalServerError
    from oai._errors import InvalidWebhookSignatureError as InvalidWebhookSignatureError
    from oai._errors import LengthFinishReasonError as LengthFinishReasonError
    from oai._errors import NotFoundError as NotFoundError
    from oai._errors import OpenAIError as OpenAIError
    from oai._errors import ParseError as ParseError
    from oai._errors import PermissionDeniedError as PermissionDeniedError
    from oai._errors import PollCancelledError as PollCancelledError
    from oai._errors import PollTimeoutError as PollTimeoutError
    from oai._errors import RateLimitError as RateLimitError
    from oai._errors import ResponseTooLargeError as ResponseTooLargeError
    from oai._errors import StreamError as StreamError
    from oai._errors import TableError as TableError
    from oai._errors import ToolError as ToolError
    from oai._errors import UnprocessableEntityError as UnprocessableEntityError
    from oai._errors import UploadError as UploadError
    from oai._errors import WebSocketConnectionClosedError as WebSocketConnectionClosedError
    from oai._errors import WebSocketQueueFullError as WebSocketQueueFullError
    from oai._events import EventParser as EventParser
    from oai._events import ServerSentEvent as ServerSentEvent
    from oai._http import Headers as Headers
    from oai._http import Timeout as Timeout
    from oai._http_client import DefaultAioHttpClient as DefaultAioHttpClient
    from oai._http_client import DefaultAsyncHttpx2Client as DefaultAsyncHttpx2Client
    from oai._http_client import DefaultAsyncHttpxClient as DefaultAsyncHttpxClient
    from oai._http_client import DefaultHttpx2Client as DefaultHttpx2Client
    from oai._http_client import DefaultHttpxClient as DefaultHttpxClient
    from oai._multipart import File as File
    from oai._object import Object as Object
    from oai._omit import NOT_GIVEN as NOT_GIVEN
    from oai._omit import Omit as Omit
    from oai._omit import omit as omit
    from oai._pages import AsyncPages as AsyncPages
    from oai._pages import ConversationCursorPage as ConversationCursorPage
    from oai._pages import CursorPage as CursorPage
    from oai._pages import NextCursorPage as NextCursorPage
    from oai._pages import Page as Page
    from oai._pages import TokenPage as TokenPage
    from oai._rate_limit import RateLimit as RateLimit
    from oai._raw import RawResponse as RawResponse
    from oai._reconnect import ReconnectingEvent as ReconnectingEvent
    from oai._request_hooks import Attempt as Attempt
    from oai._response import Response as Response
    from oai._stream import AsyncStream as AsyncStream
    from oai._stream import Stream as Stream
    from oai._streamed import AsyncStreamedResponse as AsyncStreamedResponse
    from oai._streamed import StreamedResponse as StreamedResponse
    from oai._table import Table as Table
    from oai._table import load_table as load_table
    from oai._typed import AsyncOpenAI as AsyncOpenAI
    from oai._typed import OpenAI as OpenAI
    from oai._typed._module import *  # noqa: F403 - the call paths of the module's own client
    from oai.helpers.assistants import AssistantEventHandler as AssistantEventHandler
    from oai.helpers.assistants import AsyncAssistantEventHandler as AsyncAssistantEventHandler
    from oai.helpers.batch_files import Later as Later
    from oai.helpers.functions import FunctionTool as FunctionTool
    from oai.helpers.functions import function_tool as function_tool
    from oai.helpers.functions import pydantic_function_tool as pydantic_function_tool
    from oai.helpers.functions import pydantic_responses_function_tool as pydantic_responses_function_tool
    from oai.helpers.many import amap as amap
    from oai.helpers.many import map as map  # noqa: A004 - the name that people know for it
    from oai.transports import AiohttpTransport as AiohttpTransport
    from oai.transports import AsyncTransport as AsyncTransport
    from oai.transports import CassetteError as CassetteError
    from oai.transports import CassetteMiss as CassetteMiss
    from oai.transports import FakeTransport as FakeTransport
    from oai.transports import OfflineTransport as OfflineTransport
    from oai.transports import Recorder as Recorder
    from oai.transports import SecretFound as SecretFound
    from oai.transports import Transport as Transport
    from oai.transports import TransportError as TransportError
    from oai.transports import UnexpectedCall as UnexpectedCall
    from oai.transports import UnusedAnswers as UnusedAnswers
    from oai.transports import Urllib3Transport as Urllib3Transport

    # Other names that the official SDK has for them.
    AsyncAPIResponse = AsyncStreamedResponse
    AsyncClient = AsyncOpenAI
    APIResponse = StreamedResponse
    Client = OpenAI
    HttpxBinaryResponseContent = BinaryResponse
    NotGiven = Omit
    not_given = omit

    # What the module's own client is made of; `None` comes from the environment or the defaults.
    api_key: str | Callable[[], str] | None
    admin_api_key: str | None
    organization: str | None
    project: str | None
    base_url: str | None
    timeout: float | Timeout | None
    max_retries: int | None
    deadline: float | None
    default_headers: Mapping[str, str] | None
    default_query: Mapping[str, object] | None
    transport: Transport | None
    http_client: Any
    table: str | Table | None
    api_type: str | None
    api_version: str | None
    azure_endpoint: str | None
    azure_deployment: str | None
    azure_ad_token: str | None
    azure_ad_token_provider: Callable[[], str] | None

_HOMES = {
    "_answer": ["BinaryResponse"],
    "_azure": ["AsyncAzureOpenAI", "AzureOpenAI"],
    "_async_client": ["AsyncOpenAI"],
    "_client": ["OpenAI"],
    "_config": ["DEFAULT_MAX_RETRIES", "DEFAULT_TIMEOUT"],
    "_connection": ["AsyncConnection", "Connection"],
    "_decode": ["decode"],
    "_default_transport": ["default_transport"],
    "_errors": [
        "LengthFinishReasonError",
        "ContentFilterFinishReasonError",
        "ParseError",
        "ToolError",
        "APIConnectionError",
        "APIError",
        "APIResponseValidationError",
        "APIStatusError",
        "APITimeoutError",
        "AuthenticationError",
        "BadRequestError",
        "ConflictError",
        "InsecureWarning",
        "InternalServerError",
        "InvalidWebhookSignatureError",
        "NotFoundError",
        "OpenAIError",
        "PermissionDeniedError",
        "PollCancelledError",
        "PollTimeoutError",
        "RateLimitError",
        "ResponseTooLargeError",
        "StreamError",
        "TableError",
        "UnprocessableEntityError",
        "UploadError",
        "WebSocketConnectionClosedError",
        "WebSocketQueueFullError",
    ],
    "_events": ["EventParser", "ServerSentEvent"],
    "_http": ["Headers", "Timeout"],
    "_http_client": [
        "DefaultAioHttpClient",
        "DefaultAsyncHttpx2Client",
        "DefaultAsyncHttpxClient",
        "DefaultHttpx2Client",
        "DefaultHttpxClient",
    ],
    "_multipart": ["File"],
    "_object": ["Object"],
    "_request_hooks": ["Attempt"],
    "_omit": ["NOT_GIVEN", "Omit", "omit"],
    "_pages": ["AsyncPages", "ConversationCursorPage", "CursorPage", "NextCursorPage", "Page", "TokenPage"],
    "_rate_limit": ["RateLimit"],
    "_raw": ["RawResponse"],
    "_reconnect": ["ReconnectingEvent"],
    "_response": ["Response"],
    "_stream": ["AsyncStream", "Stream"],
    "_streamed": ["AsyncStreamedResponse", "StreamedResponse"],
    "_table": ["Table", "load_table"],
    "helpers.assistants": ["AssistantEventHandler", "AsyncAssistantEventHandler"],
    "helpers.batch_files": ["Later"],
    "helpers.functions": [
        "FunctionTool",
        "function_tool",
        "pydantic_function_tool",
        "pydantic_responses_function_tool",
    ],
    "helpers.many": ["amap", "map"],
    "transports": [
        "AiohttpTransport",
        "AsyncTransport",
        "CassetteError",
        "CassetteMiss",
        "FakeTransport",
        "OfflineTransport",
        "Recorder",
        "SecretFound",
        "Transport",
        "TransportError",
        "UnexpectedCall",
        "UnusedAnswers",
        "Urllib3Transport",
    ],
}
"""Module by module, the public names that it is the home of."""

_ALIASES = {
    "AsyncAPIResponse": "AsyncStreamedResponse",
    "AsyncClient": "AsyncOpenAI",
    "APIResponse": "StreamedResponse",
    "Client": "OpenAI",
    "HttpxBinaryResponseContent": "BinaryResponse",
    "NotGiven": "Omit",
    "not_given": "omit",
}
"""Other names that the official SDK has for some of them."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", "transports", "types", *_HOME_OF, *_ALIASES]  # noqa: PLE0604 - all of them are strings

if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is here

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name in _ALIASES:
            value = __getattr__(_ALIASES[name])
        elif name in _HOME_OF:
            value = getattr(import_module(f"oai.{_HOME_OF[name]}"), name)
        elif name in ("testing", "transports", "types"):
            value = import_module(f"oai.{name}")
        elif name.startswith("_"):
            raise AttributeError(f"module 'oai' has no attribute {name!r}")
        else:  # an option that nobody has set, or a call path of the module's own client, which changes with them
            module = import_module("oai._module")
            return None if name in module.SETTINGS else module.attribute(name, globals())
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
