"""The state of a run of decisions, and the checks of what goes into it: candidates, observations, answers."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Literal

FailureReason = Literal[
    "invalid_params",
    "invalid_candidates",
    "invalid_answer",
    "async_executor",
    "invalid_verification",
    "verification_failed",
    "step_limit",
    "failed",
    "cancelled",
]

MESSAGES: Final[dict[str, str]] = {
    "invalid_params": "a run of decisions needs a model and a task as strings, and max_steps from 1 up; nothing else",
    "invalid_candidates": "candidates must be a list of 1 to 255 with unique ids, descriptions, one that is done, and"
    " functions for all others",
    "invalid_answer": "the decision is no choice of a candidate",
    "async_executor": "the function of a candidate returned an awaitable; use AsyncDecisionsToolRunner",
    "invalid_verification": "verify must return True or False",
    "verification_failed": "the task is not complete, and there is no action left",
    "step_limit": "the task was not complete after max_steps",
    "failed": "the run ended with an error of a function or a request",
    "cancelled": "the run was cancelled",
}

QUESTION: Final = "next_action"
INSTRUCTIONS: Final = "Choose the action that brings the task forward most, or the one that is done if it is complete."
MOST_CANDIDATES: Final = 255
KEYS: Final = {"id", "description", "done", "execute"}
DETAILS: Final = (None, "low", "high", "auto", "original")


class RunFailure(Exception):  # noqa: N818 - becomes a DecisionsToolRunnerError
    """A run fails for one of the reasons in `MESSAGES`."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason: FailureReason = reason


@dataclass(frozen=True)
class Candidate:
    """A candidate as it was when it was returned; its dict may change later."""

    id: str
    description: str
    done: bool
    execute: Callable[..., Any]


class DecisionRun:
    """What happened so far.

    Args:
        cancelled: returns whether to end the run.
    """

    def __init__(self, cancelled: Callable[[], bool] | None) -> None:
        self.cancelled = cancelled
        self.attempted: list[str] = []
        self.completed: list[str] = []
        self.decisions: list[Any] = []
        self._params: dict[str, Any] = {}

    def admit(self, params: Any, max_steps: Any) -> None:
        """Check the arguments of the run."""
        texts = isinstance(params.get("model"), str) and isinstance(params.get("input"), str)
        user = params.get("safety_identifier")
        only_known = set(params) <= {"model", "input", "safety_identifier"}
        steps = isinstance(max_steps, int) and not isinstance(max_steps, bool) and max_steps > 0
        _require("invalid_params", texts, only_known, steps, user is None or isinstance(user, str))
        self._params = dict(params)

    def check(self) -> None:
        """Fail if the run is cancelled."""
        if self.cancelled is not None and self.cancelled():
            raise RunFailure("cancelled")

    def observed(self, observation: Any) -> Any:
        """Return an observation of our own: an iterator is read once."""
        if not isinstance(observation, str):
            observation = deepcopy(list(observation))
            _require("failed", *(_is_part(part) for part in observation))
        self.check()
        return observation

    def candidates(self, values: Any) -> list[Candidate]:
        """Return the candidates as they are now."""
        _require("invalid_candidates", isinstance(values, list) and 0 < len(values) <= MOST_CANDIDATES)
        _require("invalid_candidates", *(_is_candidate(value) for value in values))
        candidates = [
            Candidate(value["id"], value["description"], value.get("done", False), value.get("execute", _nothing))
            for value in values
        ]
        unique = len({candidate.id for candidate in candidates}) == len(candidates)
        _require("invalid_candidates", unique, sum(candidate.done for candidate in candidates) == 1)
        self.check()
        return candidates

    def request(self, observation: Any, candidates: list[Candidate]) -> dict[str, Any]:
        """Return the arguments of `decisions.create`."""
        choices = [{"value": candidate.id, "description": candidate.description} for candidate in candidates]
        question = {"type": "choice", "name": QUESTION, "instructions": INSTRUCTIONS, "choices": choices}
        texts = (self._params["input"], observation)
        return {
            **self._params,
            "input": [{"role": "user", "content": content} for content in texts],
            "questions": [question],
        }

    def selected(self, decision: Any, candidates: list[Candidate]) -> Candidate | None:
        """Keep a decision and return the candidate that it is for, `None` if the model refused."""
        self.check()
        answers = getattr(decision, "answers", None)
        _require("invalid_answer", isinstance(answers, list) and len(answers) == 1)
        answer: Any = answers[0] if answers else None
        _require("invalid_answer", getattr(answer, "name", None) == QUESTION)
        _require("invalid_answer", isinstance(decision.model, str), _is_usage(decision.usage))
        self.decisions.append(decision)
        if getattr(answer, "type", None) == "refusal":
            return None
        _require("invalid_answer", getattr(answer, "type", None) == "choice", _is_choice(answer))
        for candidate in candidates:
            if candidate.id == answer.choice:
                return candidate
        raise RunFailure("invalid_answer")


def _require(reason: FailureReason, *conditions: bool) -> None:
    if not all(conditions):
        raise RunFailure(reason)


def _nothing() -> None:
    """Stand in for the function of the candidate that is done."""


def _is_part(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    if part.get("type") == "input_text":
        return isinstance(part.get("text"), str)
    image = part.get("type") == "input_image" and isinstance(part.get("image_url"), str)
    return image and part.get("detail") in DETAILS


def _is_candidate(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() - KEYS or not isinstance(value.get("done", False), bool):
        return False
    texts = (value.get("id"), value.get("description"))
    right = "execute" not in value if value.get("done") else callable(value.get("execute"))
    return right and all(isinstance(text, str) and bool(text.strip()) for text in texts)


def _is_usage(usage: Any) -> bool:
    whole = ("input_tokens", "output_tokens", "total_tokens")
    details = getattr(usage, "input_tokens_details", None), getattr(usage, "output_tokens_details", None)
    counts = [getattr(usage, name, None) for name in whole]
    counts += [getattr(details[0], name, None) for name in ("cache_write_tokens", "cached_tokens")]
    counts.append(getattr(details[1], "reasoning_tokens", None))
    return all(isinstance(count, int) and not isinstance(count, bool) for count in counts)


def _is_choice(answer: Any) -> bool:
    chances = getattr(answer, "probabilities", None)
    if not isinstance(chances, list) or not isinstance(getattr(answer, "choice", None), str):
        return False
    values = all(isinstance(getattr(chance, "value", None), str | bool) for chance in chances)
    numbers = [answer.confidence, *(getattr(chance, "probability", None) for chance in chances)]
    return values and all(_is_number(number) for number in numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
