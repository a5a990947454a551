"""Names that the official SDK had before version 1, and what to use instead: for error messages and a warning."""

from __future__ import annotations

from typing import Final

INSTEAD: Final = {
    "Audio": "oai.audio.transcriptions.create or oai.audio.translations.create",
    "ChatCompletion": "oai.chat.completions.create",
    "Completion": "oai.completions.create",
    "Customer": "nothing like it in the API",
    "Deployment": "the model=... of a call of oai.AzureOpenAI",
    "Edit": "oai.chat.completions.create",
    "Embedding": "oai.embeddings.create",
    "Engine": "oai.models",
    "ErrorObject": "the body, code and type of an exception",
    "FineTune": "oai.fine_tuning.jobs",
    "FineTuningJob": "oai.fine_tuning.jobs",
    "Image": "oai.images.generate, edit or create_variation",
    "Model": "oai.models",
    "Moderation": "oai.moderations.create",
    "aiosession": "oai.http_client or oai.transport",
    "api_base": "oai.base_url",
    "api_key_path": "oai.api_key",
    "api_requestor": "oai.OpenAI().request",
    "api_resources": "the call paths, such as oai.chat.completions",
    "app_info": "oai.default_headers",
    "ca_bundle_path": "the environment variable SSL_CERT_FILE",
    "datalib": "nothing in its place: numpy and pandas are not needed",
    "debug": "the environment variable OAI_LOG",
    "embeddings_utils": "oai.embeddings.create and numpy",
    "enable_telemetry": "nothing to switch off: oai has no telemetry",
    "error": "the exceptions of the module itself, such as oai.RateLimitError",
    "log": "the environment variable OAI_LOG",
    "openai_object": "the types of results in oai.types",
    "proxy": "the environment variable HTTPS_PROXY, or oai.http_client",
    "requestssession": "oai.http_client or oai.transport",
    "util": "nothing in its place",
    "verify_ssl_certs": "oai.transport or oai.http_client",
}
"""What to use instead of a class, module or setting."""

SETTINGS: Final = {
    "aiosession": ("transport", "http_client"),
    "api_base": ("base_url", "azure_endpoint"),
    "api_key_path": ("api_key",),
    "ca_bundle_path": ("transport", "http_client"),
    "proxy": ("transport", "http_client"),
    "requestssession": ("transport", "http_client"),
    "verify_ssl_certs": ("transport", "http_client"),
}
"""The options of a module then, and those that have taken their place."""


def replacement(name: str) -> str:
    """Return what to use instead of a name, as a clause; an empty string for any other name."""
    instead = INSTEAD.get(name, "")
    return f"there is {instead}" if instead.startswith("nothing") else instead and f"use {instead}"


def explanation(name: str) -> str:
    """Return the end of a message about a name: that it was removed, and what to use; else an empty string."""
    text = replacement(name)
    return text and f"; version 1 of the official SDK removed it: {text}"
