"""Create the client and the transport that the options of the command line select."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError
from oai._errors import OpenAIError
from oai._request.options import environment

if TYPE_CHECKING:
    import argparse

    from oai._http.messages import Transport
    from oai._request.profile import Profile


def make_transport(
    options: argparse.Namespace, *, metered: bool = False, sending: Transport | None = None
) -> Transport | None:
    """Return the transport that the options select; `None` for the default one, if it need not show progress bars.

    Args:
        options: the options of the command line.
        metered: whether it shows progress bars.
        sending: reaches the server, in place of the default one.
    """
    if options.dry_run:
        from oai._cli.preview import DryRunTransport

        return DryRunTransport(options.api_key_env or key_variable(options))
    transport = _make_transport(options, sending, metered=metered)
    if options.verbose:
        from oai._cli.preview import VerboseTransport

        return VerboseTransport(transport)
    return transport


def _make_transport(options: argparse.Namespace, transport: Transport | None, *, metered: bool) -> Transport | None:
    if options.replay and options.record:
        raise UsageError("--replay and --record cannot be combined")
    if options.offline:
        from oai.transports.offline import OfflineTransport

        transport = OfflineTransport()
    elif metered and not options.replay:
        from oai._cli.progress import MeteredTransport

        transport = MeteredTransport()
    if options.record or options.replay:
        from oai._client.default_transport import recorded_transport
        from oai.transports.recorder import Recorder

        if options.record:
            return Recorder(options.record, transport or recorded_transport(), mode="record")
        return Recorder(options.replay, mode="replay")
    return transport


def key_variable(options: argparse.Namespace) -> str:
    """Return the environment variable of the key: that of the provider, or of the API."""
    provider = find_profile(options)
    return "OPENAI_API_KEY" if provider is None else provider.row.environment.get("api_key", "API_KEY")


def find_profile(options: argparse.Namespace) -> Profile | None:
    """Return the provider that the options or the environment select, if any."""
    name = options.provider or (None if options.base_url else environment("OAI_PROVIDER"))
    if name is None:
        if options.unchecked:
            raise UsageError("--unchecked needs --provider")
        return None
    from oai._request.profile import profile  # few calls need it

    return profile(name, check_operations=not options.unchecked)


def provider_of(options: argparse.Namespace) -> Any:
    """Return what the client takes as `provider`: a name, for rows with code, else their profile."""
    selected = find_profile(options)
    return selected if selected is None or selected.row.code is None else selected.name


def make_client(options: argparse.Namespace, transport: Transport | None) -> Any:
    """Create the client; it reads the environment for options that are not set."""
    from oai._client.sync_client import OpenAI

    provider = provider_of(options)
    arguments: dict[str, Any] = {"transport": transport, "base_url": options.base_url, "table": options.table}
    arguments["provider"] = provider
    for name in ("timeout", "max_retries"):
        if getattr(options, name) is not None:
            arguments[name] = getattr(options, name)
    if options.dry_run and not isinstance(provider, str):  # a name stands for a provider that signs in code
        arguments |= {"api_key": "none", "admin_api_key": "none"}
    elif options.api_key_env:
        arguments["api_key"] = os.environ.get(options.api_key_env)
        if not arguments["api_key"]:
            raise UsageError(f"--api-key-env: the environment variable {options.api_key_env} is not set")
    try:
        return OpenAI(**arguments)
    except OpenAIError as error:
        if "no API key" in str(error) and provider is None:
            raise OpenAIError(
                "no API key: set OPENAI_API_KEY (OPENAI_ADMIN_KEY for admin operations), or name another "
                "environment variable with --api-key-env; to try a call without a key, use --offline"
            ) from None
        raise
