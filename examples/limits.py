"""Share a limit of tokens among processes, which may run on several machines.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/limits.py`.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import oai
from oai.transports import HTTPTransport, Limiter, LimitServer

offline = os.environ.get("OAI_TRANSPORT") == "offline"


def ask(shared, number):
    limiter = Limiter(oai.OfflineTransport() if offline else HTTPTransport(), tokens_per_minute=100, shared=shared)
    # A request that would have to wait for more than 0.3 seconds fails; by default it waits its turn.
    client = oai.OpenAI(transport=limiter, timeout=oai.Timeout(30, pool=0.3), max_retries=0)
    try:
        response = client.responses.create(model="gpt-5", input=f"Question {number}", max_output_tokens=40)
    except oai.APITimeoutError as error:
        return f"{number}: {error}"
    finally:
        limiter.close()
    return f"{number}: {response.usage.total_tokens} tokens"


if __name__ == "__main__":
    with (
        LimitServer() as server,  # LimitServer("0.0.0.0", 4785) for other machines
        ProcessPoolExecutor(2, get_context("spawn")) as processes,
    ):
        for line in processes.map(ask, [server.url] * 12, range(12)):
            print(line)
