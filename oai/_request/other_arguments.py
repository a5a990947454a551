"""Arguments that clients of other libraries take, and how to get the same from a client of this package.

For error messages: `OpenAI(proxies=...)`. Arguments that have only another name here are in `oai._support.suggest`.
"""

from __future__ import annotations

from typing import Final

_OF_TRANSPORT: Final = "pass transport=oai.HTTPTransport({}=...), or AsyncHTTPTransport to AsyncOpenAI"

_OF_HTTPX: Final = "pass http_client=oai.DefaultHttpxClient({}=...), or DefaultAsyncHttpxClient to AsyncOpenAI"

_ADVICE: Final = {
    f"set HTTPS_PROXY and NO_PROXY in the environment, or {_OF_HTTPX.format('proxy')}": (
        "proxies proxy http_proxy https_proxy openai_proxy proxy_url"
    ),
    f"{_OF_TRANSPORT.format('ssl_context')}; SSL_CERT_FILE names trusted certificates": (
        "verify verify_ssl verify_ssl_certs ssl_verify ssl ssl_context cert ca_bundle ca_bundle_path ca_certs"
    ),
    _OF_TRANSPORT.format("connections"): (
        "limits connection_pool_limits connection_limits max_connections max_keepalive_connections pool_size"
    ),
    "to ignore the proxies of the environment, pass transport=oai.HTTPTransport(proxies=False)": "trust_env",
    _OF_HTTPX: "auth cookies follow_redirects http1 http2 local_address mounts",
    "the model, or the deployment of Azure, is the model=... of each call": "deployment deployment_id engine",
    "its hooks are on_request, on_reply, on_retry and on_end": "event_hooks hooks callbacks middleware",
    "set OAI_LOG to info or debug in the environment": "debug log log_level logger logging verbose",
    "create an AzureOpenAI, which takes it": (
        "api_version azure_ad_token azure_ad_token_provider azure_deployment azure_endpoint"
    ),
    "create an AzureOpenAI for Azure, or pass provider=... for another service": "api_type",
    "create a BedrockOpenAI, which takes it": (
        "aws_access_key_id aws_profile aws_region aws_secret_access_key aws_session_token bedrock_token_provider region"
    ),
}
"""By advice the arguments, separated by spaces; `{}` is the name of the argument."""


def advice(name: str) -> str:
    """Return how to get what an argument of another client does, or an empty string for any other name."""
    for text, names in _ADVICE.items():
        if name in names.split():
            return text.format(name)
    from oai._table.load import shipped_table

    if name == "stream" or name in (shipped_table()["chat.completions.create"].params or {}):
        return f"pass it to each call, such as client.chat.completions.create({name}=...)"
    return ""
