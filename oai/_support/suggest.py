"""Spelling suggestions for error messages ("did you mean ...?")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

OTHER_NAMES: Final = {
    "azure_endpoint base_url": "api_base base endpoint host openai_api_base server_url url",
    "azure_deployment model": "deployment deployment_id engine model_name",
    "api_key": "access_token api_token bearer_token key openai_api_key openai_key openai_token token",
    "organization": "openai_organization org org_id organisation organization_id",
    "project": "project_id",
    "timeout": "read_timeout request_timeout timeout_s timeout_seconds",
    "max_retries": "max_retry n_retries num_retries retries",
    "extra_headers default_headers": "custom_headers default_headers extra_headers headers",
    "extra_query default_query": "default_query extra_query params query query_params",
    "extra_body": "body data json",
    "http_client": "aiosession async_client client httpx_client requestssession session",
    "messages input": "messages prompt",
    "instructions": "system system_prompt",
    "stop": "stop_sequences",
    "aws_region": "region region_name",
}
"""By name the names that other libraries, and older versions of the SDK, have for the same.

Of several names, separated by spaces, the first that exists counts.
"""

WITHOUT_COUNTERPART: Final = ("api_type", "limits", "proxies", "proxy", "verify")
"""Arguments of clients that nothing replaces; what is spelt like them means something else."""


def synonym(word: str, words: Iterable[str]) -> str:
    """Return the word that means the same, or an empty string if there is none."""
    words = list(words)
    candidates = (name for names, others in OTHER_NAMES.items() if word in others.split() for name in names.split())
    return next((name for name in candidates if name in words), "")


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the word that means the same, else the most similar of the words; an empty string if none is similar."""
    words = list(words)
    if (same := synonym(word, words)) or word in WITHOUT_COUNTERPART:
        return same
    from difflib import get_close_matches  # only a message needs it

    return next(iter(get_close_matches(word, words, n=1, cutoff=0.6)), "")
