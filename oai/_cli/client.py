"""Create the client and the transport that the options of the command line select."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError
from oai._errors import OpenAIError

if TYPE_CHECKING:
    import argparse

    from oai._http.messages import Transport


def make_transport(options: argparse.Namespace, *, metered: bool = False) -> Transport | None:
    """Return the transport that the options select; `None` for the default one, if it need not show progress bars."""
    if options.dry_run:
        from oai._cli.preview import DryRunTransport

        return DryRunTransport(options.api_key_env or "OPENAI_API_KEY")
    transport = _make_transport(options, metered=metered)
    if options.verbose:
        from oai._cli.preview import VerboseTransport

        return VerboseTransport(transport)
    return transport


def _make_transport(options: argparse.Namespace, *, metered: bool) -> Transport | None:
    if options.replay and options.record:
        raise UsageError("--replay and --record cannot be combined")
    transport: Transport | None = None
    if options.offline:
        from oai.transports.offline import OfflineTransport

        transport = OfflineTransport()
    elif metered and not options.replay:
        from oai._cli.progress import MeteredTransport

        transport = MeteredTransport()
    if options.record or options.replay:
        from oai.transports.recorder import Recorder

        if options.record:
            return Recorder(options.record, transport, mode="record")
        return Recorder(options.replay, mode="replay")
    return transport


def make_client(options: argparse.Namespace, transport: Transport | None) -> Any:
    """Create the client; it reads the environment for options that are not set."""
    from oai._client.sync_client import OpenAI

    arguments: dict[str, Any] = {"transport": transport, "base_url": options.base_url, "table": options.table}
    for name in ("timeout", "max_retries"):
        if getattr(options, name) is not None:
            arguments[name] = getattr(options, name)
    if options.dry_run:
        arguments |= {"api_key": "none", "admin_api_key": "none"}
    elif options.api_key_env:
        arguments["api_key"] = os.environ.get(options.api_key_env)
        if not arguments["api_key"]:
            raise UsageError(f"--api-key-env: the environment variable {options.api_key_env} is not set")
    try:
        return OpenAI(**arguments)
    except OpenAIError as error:
        if "no API key" in str(error):
            raise OpenAIError(
                "no API key: set OPENAI_API_KEY (OPENAI_ADMIN_KEY for admin operations), or name another "
                "environment variable with --api-key-env; to try a call without a key, use --offline"
            ) from None
        raise
