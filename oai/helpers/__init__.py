"""Methods that make more than one request: the functions that rows name by `helper`.

A helper is a generator that yields calls (`oai._flow.steps`), so that one source serves sync and async clients. Each
package here has one subject: `agents`, `assistants`, `streaming` (helper streams of chat and responses), `structured`
(schemas, parsing, tool runs), `bulk` (batches, `map`), `uploads`; `polling`, `webhooks` and `sockets` are single
modules. `Microphone` and `LocalAudioPlayer` record and play sound.

A helper uses the client through its public methods and `oai._flow.steps`, and knows no transport.
"""

from typing import TYPE_CHECKING

from oai._support.lazy import attach

__all__ = ["LocalAudioPlayer", "Microphone"]

if TYPE_CHECKING:
    from oai.helpers.local_audio_player import LocalAudioPlayer as LocalAudioPlayer
    from oai.helpers.microphone import Microphone as Microphone
else:
    __getattr__, __dir__ = attach(
        __name__,
        {"oai.helpers.local_audio_player": "LocalAudioPlayer", "oai.helpers.microphone": "Microphone"},
    )
