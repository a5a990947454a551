"""The exceptions of workload identities."""

from __future__ import annotations

from typing import Any

from oai._errors import AuthenticationError, OpenAIError


class OAuthError(AuthenticationError):
    """The token exchange was refused; `error` is the code of RFC 6749, section 5.2."""

    def __init__(self, *, response: Any, body: object | None) -> None:
        fields = body if isinstance(body, dict) else {}
        description = fields.get("error_description")
        text = description if isinstance(description, str) and description else "The token exchange was refused."
        super().__init__(text, response=response, body=body)
        self.error: str | None = fields.get("error")


class SubjectTokenProviderError(OpenAIError):
    """The platform did not return a subject token; `response` is its response, if there was one."""

    def __init__(self, message: str, *, response: Any = None) -> None:
        super().__init__(message)
        self.response = response
