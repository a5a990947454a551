"""Groups the transcript of a Live session into the segments that a program displays.

`segments` has the data, `grouping` the policy, `projection` the times, and `grouper` what programs use. None of them
reads from a connection: a program passes the events on.
"""

from oai.lib.live.grouper import AsyncTranscriptGrouper, TranscriptGrouper
from oai.lib.live.segments import TranscriptSegment, TranscriptSegmentClosedEvent, TranscriptSegmentCloseReason

__all__ = [
    "AsyncTranscriptGrouper",
    "TranscriptGrouper",
    "TranscriptSegment",
    "TranscriptSegmentCloseReason",
    "TranscriptSegmentClosedEvent",
]
