"""Spread requests over several servers by weight and health."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from oai.transports._generating import GENERATING
from oai.transports.fallback import Fallback, Target

if TYPE_CHECKING:
    from oai._routing.health import Health

__all__ = ["Balancer"]


class Balancer(Fallback):
    """A transport that spreads requests over several targets.

    Each request goes to one at random, by its weight and its health: a target whose requests fail gets fewer of them. A
    target that cools down, or whose limits leave no room, is passed over. After a failure another target is tried by
    the rules of `Fallback`.

    Args:
        targets: the targets, or transports.
        repeatable: as that of `Fallback`.
        cooldown: as that of `Fallback`.
        longest_cooldown: as that of `Fallback`.
        seed: makes the choices repeatable.

    Raises:
        ValueError: there is no target, or a number is negative.
    """

    def __init__(
        self,
        targets: Iterable[Target | Any],
        *,
        repeatable: str | Iterable[str] = GENERATING,
        cooldown: float = 1.0,
        longest_cooldown: float = 60.0,
        seed: int | None = None,
    ) -> None:
        self._seed = seed
        self._dice = random.Random(seed)  # noqa: S311 - the choice is not a secret
        super().__init__(targets, repeatable=repeatable, cooldown=cooldown, longest_cooldown=longest_cooldown)

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "seed": self._seed}

    def _pick(self, ready: Sequence[Health]) -> Health:
        weights = [health.weight for health in ready]
        return self._dice.choices(ready, weights)[0] if sum(weights) > 0 else ready[0]
