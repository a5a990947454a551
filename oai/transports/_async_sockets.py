"""Open a connection in an event loop: look-up, and addresses tried in the manner of RFC 8305."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from oai.transports._opening import new_socket
from oai.transports._origins import ATTEMPT_DELAY, Address, interleave, is_local, look_up, look_up_in_thread


async def open_socket(host: str, port: int) -> socket.socket:
    """Connect to the first address of a host that responds (RFC 8305)."""
    loop = asyncio.get_running_loop()
    addresses = look_up(host, port) if is_local(host) else await _look_up(loop, host, port)
    return await (_connect(loop, addresses[0]) if len(addresses) == 1 else _race(loop, addresses))


async def _look_up(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Address]:
    future: asyncio.Future[list[Address]] = loop.create_future()

    def done(outcome: list[Address] | Exception) -> None:
        with suppress(RuntimeError):  # the loop was closed while the thread was waiting
            loop.call_soon_threadsafe(_set, future, outcome)

    look_up_in_thread(host, port, done)
    return await future


def _set(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


async def _connect(loop: asyncio.AbstractEventLoop, candidate: Address) -> socket.socket:
    sock = new_socket(candidate)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, candidate[-1])
    except BaseException:
        sock.close()
        raise
    return sock


async def _race(loop: asyncio.AbstractEventLoop, addresses: list[Address]) -> socket.socket:
    """Start an attempt a little after the other, and return the first connection."""
    tasks: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException = OSError("no address")
    winner: socket.socket | None = None
    try:
        for number, candidate in enumerate(interleave(addresses), 1):
            tasks.add(loop.create_task(_connect(loop, candidate)))
            delay = ATTEMPT_DELAY if number < len(addresses) else None
            while tasks:
                done, _ = await asyncio.wait(tasks, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                tasks -= done
                for task in done:
                    if (error := task.exception()) is not None:
                        failure = error
                    elif winner is None:
                        winner = task.result()
                    else:
                        task.result().close()
                if winner is not None:
                    return winner
                if delay is not None:
                    break
    finally:
        for task in tasks:
            task.cancel()
            task.add_done_callback(_close_late)
    raise failure


def _close_late(task: asyncio.Task[socket.socket]) -> None:
    """Close the connection of an attempt that succeeded although it was cancelled."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
