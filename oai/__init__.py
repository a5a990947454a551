"""A client for the OpenAI API and the servers that speak it.

    import oai
    client = oai.OpenAI()
    completion = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])

The structs of results are in `oai.types`, the transports in `oai.transports`, servers and suites for tests in
`oai.testing`, other services in `oai.providers`, workload identities in `oai.auth`, and tracing in `oai.otel`.
`oai.as_openai` runs programs that import `openai`. Names are imported at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._support.lazy import attach
from oai._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oai import transports as transports
    from oai import types as types
    from oai._auth.errors import OAuthError as OAuthError
    from oai._auth.errors import SubjectTokenProviderError as SubjectTokenProviderError
    from oai._client.azure import AsyncAzureOpenAI as AsyncAzureOpenAI
    from oai._client.azure import AzureOpenAI as AzureOpenAI
    from oai._client.bedrock import AsyncBedrockOpenAI as AsyncBedrockOpenAI
    from oai._client.bedrock import BedrockOpenAI as BedrockOpenAI
    from oai._client.default_http_clients import DefaultAioHttpClient as DefaultAioHttpClient
    from oai._client.default_http_clients import DefaultAsyncHttpx2Client as DefaultAsyncHttpx2Client
    from oai._client.default_http_clients import DefaultAsyncHttpxClient as DefaultAsyncHttpxClient
    from oai._client.default_http_clients import DefaultHttpx2Client as DefaultHttpx2Client
    from oai._client.default_http_clients import DefaultHttpxClient as DefaultHttpxClient
    from oai._client.default_transport import default_transport as default_transport
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
    from oai._errors import UnsupportedOperationError as UnsupportedOperationError
    from oai._errors import UploadError as UploadError
    from oai._errors import WebSocketConnectionClosedError as WebSocketConnectionClosedError
    from oai._errors import WebSocketQueueFullError as WebSocketQueueFullError
    from oai._http.messages import Headers as Headers
    from oai._http.messages import Timeout as Timeout
    from oai._http.rate_limit import RateLimit as RateLimit
    from oai._http.response import Response as Response
    from oai._http.sse import EventParser as EventParser
    from oai._http.sse import ServerSentEvent as ServerSentEvent
    from oai._json.decode import decode as decode
    from oai._json.objects import Object as Object
    from oai._json.pages import AsyncPages as AsyncPages
    from oai._json.pages import ConversationCursorPage as ConversationCursorPage
    from oai._json.pages import CursorPage as CursorPage
    from oai._json.pages import NextCursorPage as NextCursorPage
    from oai._json.pages import Page as Page
    from oai._json.pages import TokenPage as TokenPage
    from oai._official.constants import DEFAULT_CONNECTION_LIMITS as DEFAULT_CONNECTION_LIMITS
    from oai._official.typing import DataResidency as DataResidency
    from oai._official.typing import NoneType as NoneType
    from oai._official.typing import ProxiesTypes as ProxiesTypes
    from oai._official.typing import RequestOptions as RequestOptions
    from oai._official.utils import file_from_path as file_from_path
    from oai._official.version import __title__ as __title__
    from oai._realtime.connection import AsyncConnection as AsyncConnection
    from oai._realtime.connection import Connection as Connection
    from oai._realtime.reconnect import ReconnectingEvent as ReconnectingEvent
    from oai._request.config import DEFAULT_MAX_RETRIES as DEFAULT_MAX_RETRIES
    from oai._request.config import DEFAULT_TIMEOUT as DEFAULT_TIMEOUT
    from oai._request.hooks import Attempt as Attempt
    from oai._results.answer import BinaryResponse as BinaryResponse
    from oai._results.raw import RawResponse as RawResponse
    from oai._results.stream import AsyncStream as AsyncStream
    from oai._results.stream import Stream as Stream
    from oai._results.streamed import AsyncStreamedResponse as AsyncStreamedResponse
    from oai._results.streamed import StreamedResponse as StreamedResponse
    from oai._support.file_types import File as File
    from oai._support.omit import NOT_GIVEN as NOT_GIVEN
    from oai._support.omit import Omit as Omit
    from oai._support.omit import omit as omit
    from oai._table.load import load_table as load_table
    from oai._table.table import Table as Table
    from oai._typed import AsyncOpenAI as AsyncOpenAI
    from oai._typed import OpenAI as OpenAI
    from oai._typed._module import *  # noqa: F403 - the call paths of the module's own client
    from oai.helpers.assistants.streams import AssistantEventHandler as AssistantEventHandler
    from oai.helpers.assistants.streams import AsyncAssistantEventHandler as AsyncAssistantEventHandler
    from oai.helpers.bulk.batch_files import Later as Later
    from oai.helpers.bulk.estimate import Estimate as Estimate
    from oai.helpers.bulk.estimate import estimate as estimate
    from oai.helpers.bulk.map import amap as amap
    from oai.helpers.bulk.map import map as map  # noqa: A004 - the builtin's name on purpose
    from oai.helpers.bulk.row_files import MapOutcome as MapOutcome
    from oai.helpers.bulk.row_files import map_file as map_file
    from oai.helpers.structured.functions import FunctionTool as FunctionTool
    from oai.helpers.structured.functions import function_tool as function_tool
    from oai.helpers.structured.functions import pydantic_function_tool as pydantic_function_tool
    from oai.helpers.structured.functions import pydantic_responses_function_tool as pydantic_responses_function_tool
    from oai.lib.computer import AsyncComputerDriver as AsyncComputerDriver
    from oai.lib.computer import AsyncComputerToolset as AsyncComputerToolset
    from oai.lib.computer import ComputerDriver as ComputerDriver
    from oai.lib.computer import ComputerToolset as ComputerToolset
    from oai.transports import AiohttpTransport as AiohttpTransport
    from oai.transports import AsyncHTTPTransport as AsyncHTTPTransport
    from oai.transports import AsyncTransport as AsyncTransport
    from oai.transports import CassetteError as CassetteError
    from oai.transports import CassetteMiss as CassetteMiss
    from oai.transports import FakeTransport as FakeTransport
    from oai.transports import HTTPTransport as HTTPTransport
    from oai.transports import OfflineTransport as OfflineTransport
    from oai.transports import Recorder as Recorder
    from oai.transports import SecretFound as SecretFound
    from oai.transports import Transport as Transport
    from oai.transports import TransportError as TransportError
    from oai.transports import UnexpectedCall as UnexpectedCall
    from oai.transports import UnusedAnswers as UnusedAnswers
    from oai.transports import Urllib3Transport as Urllib3Transport
    from oai.types.websockets import ReconnectingOverrides as ReconnectingOverrides

    # Other names that the official SDK has for them.
    AsyncAPIResponse = AsyncStreamedResponse
    AsyncClient = AsyncOpenAI
    APIResponse = StreamedResponse
    Client = OpenAI
    BaseModel = Object
    HttpxBinaryResponseContent = BinaryResponse
    NotGiven = Omit
    not_given = omit

    # The options of the module's own client; `None` means the environment or the default.
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
    bedrock_token_provider: Callable[[], str] | None
    provider: Any
    workload_identity: Any

_HOMES = {
    "oai._results.answer": "BinaryResponse HttpxBinaryResponseContent=BinaryResponse",
    "oai._client.async_client": "AsyncClient=AsyncOpenAI AsyncOpenAI",
    "oai._auth.errors": "OAuthError SubjectTokenProviderError",
    "oai._client.azure": "AsyncAzureOpenAI AzureOpenAI",
    "oai._client.bedrock": "AsyncBedrockOpenAI BedrockOpenAI",
    "oai._client.sync_client": "Client=OpenAI OpenAI",
    "oai._request.config": "DEFAULT_MAX_RETRIES DEFAULT_TIMEOUT",
    "oai._realtime.connection": "AsyncConnection Connection",
    "oai._json.decode": "decode",
    "oai._client.default_transport": "default_transport",
    "oai._errors": (
        "APIConnectionError APIError APIResponseValidationError APIStatusError APITimeoutError "
        "AuthenticationError BadRequestError ConflictError ContentFilterFinishReasonError InsecureWarning "
        "InternalServerError InvalidWebhookSignatureError LengthFinishReasonError NotFoundError OpenAIError "
        "ParseError PermissionDeniedError PollCancelledError PollTimeoutError RateLimitError "
        "ResponseTooLargeError StreamError TableError ToolError UnprocessableEntityError UnsupportedOperationError "
        "UploadError WebSocketConnectionClosedError WebSocketQueueFullError"
    ),
    "oai._http.sse": "EventParser ServerSentEvent",
    "oai._support.file_types": "File",
    "oai._http.messages": "Headers Timeout",
    "oai._client.default_http_clients": (
        "DefaultAioHttpClient DefaultAsyncHttpx2Client DefaultAsyncHttpxClient DefaultHttpx2Client DefaultHttpxClient"
    ),
    "oai._json.objects": "BaseModel=Object Object",
    "oai._request.hooks": "Attempt",
    "oai._support.omit": "NOT_GIVEN NotGiven=Omit Omit not_given=omit omit",
    "oai._json.pages": "AsyncPages ConversationCursorPage CursorPage NextCursorPage Page TokenPage",
    "oai._http.rate_limit": "RateLimit",
    "oai._results.raw": "RawResponse",
    "oai._realtime.reconnect": "ReconnectingEvent",
    "oai._http.response": "Response",
    "oai._results.stream": "AsyncStream Stream",
    "oai._results.streamed": (
        "APIResponse=StreamedResponse AsyncAPIResponse=AsyncStreamedResponse AsyncStreamedResponse StreamedResponse"
    ),
    "oai._table.table": "Table",
    "oai._table.load": "load_table",
    "oai.helpers.assistants.streams": "AssistantEventHandler AsyncAssistantEventHandler",
    "oai.helpers.bulk.batch_files": "Later",
    "oai.helpers.structured.functions": (
        "FunctionTool function_tool pydantic_function_tool pydantic_responses_function_tool"
    ),
    "oai.helpers.bulk.estimate": "Estimate estimate",
    "oai.helpers.bulk.map": "amap map",
    "oai.helpers.bulk.row_files": "MapOutcome map_file",
    "oai.auth": "",
    "oai.lib": "",
    "oai.lib.computer": "AsyncComputerDriver AsyncComputerToolset ComputerDriver ComputerToolset",
    "oai.pagination": "",
    "oai.providers": "",
    "oai.resources": "",
    "oai.testing": "",
    "oai.transports": (
        "AiohttpTransport AsyncHTTPTransport AsyncTransport CassetteError CassetteMiss FakeTransport HTTPTransport "
        "OfflineTransport Recorder SecretFound Transport TransportError UnexpectedCall UnusedAnswers Urllib3Transport"
    ),
    "oai.types": "",
    "oai.types.websockets": "ReconnectingOverrides",
    "oai.version": "",
    "oai._official.constants": "DEFAULT_CONNECTION_LIMITS",
    "oai._official.typing": "DataResidency NoneType ProxiesTypes RequestOptions",
    "oai._official.utils": "file_from_path",
    "oai._official.version": "__title__",
}
"""The public names by the module that defines them; `alias=name` is another name for the same object."""

__all__ = [  # noqa: PLE0604 - all of them are strings
    "__version__",
    "transports",
    "types",
    *(name.partition("=")[0] for names in _HOMES.values() for name in names.split()),
]


def _fallback(name: str) -> Any:
    """Return `None` for an option that is not set, or a call path of the module's own client."""
    if name.startswith("_"):
        raise AttributeError(f"module 'oai' has no attribute {name!r}")
    from oai._client.module_client import SETTINGS, attribute

    return None if name in SETTINGS else attribute(name, globals())


if not TYPE_CHECKING:  # otherwise type checkers would accept any name
    __getattr__, __dir__ = attach(__name__, _HOMES, _fallback)
