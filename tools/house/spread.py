"""Place points on a line near their wanted positions, with minimum distances between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def spread(
    wanted: Sequence[float], weights: Sequence[float], apart: Sequence[float], lowest: float, highest: float
) -> list[float]:
    """Return the positions, in the same order, that minimize the weighted squared distance to those wanted.

    With the distances subtracted this is isotonic regression, which merging neighbours solves. `apart` has the
    minimum distance of each pair of neighbours; no position is below `lowest` or above `highest`.
    """
    offsets = list(accumulate(apart, initial=0.0))
    blocks: list[tuple[float, float, int]] = []  # mean, weight, number of points
    for value, weight, offset in zip(wanted, weights, offsets, strict=True):
        block = (value - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, heavy, count = blocks.pop()
            total = heavy + block[1]
            block = ((mean * heavy + block[0] * block[1]) / total, total, count + block[2])
        blocks.append(block)
    means = [mean for mean, _, count in blocks for _ in range(count)]
    highest -= offsets[-1]
    return [max(lowest, min(highest, mean)) + offset for mean, offset in zip(means, offsets, strict=True)]
