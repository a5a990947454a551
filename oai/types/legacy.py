"""Results of operations that the API has dropped, which old and compatible servers still offer.

Written by hand, unlike the rest of `oai.types`: no specification describes them any more.
"""

from typing import Any

from oai._json.objects import Object
from oai.types.completions.structs import CompletionUsage
from oai.types.files.structs import FileObject


class Engine(Object):
    """A model; the API used to call it an engine."""

    id: str
    object: str
    created: int | None = None
    max_replicas: int | None = None
    owner: str | None = None
    permissions: Any = None
    ready: bool | None = None
    ready_replicas: int | None = None
    replicas: int | None = None


class EditChoice(Object):
    """One edited text."""

    index: int
    text: str
    finish_reason: str | None = None
    logprobs: Any = None


class Edit(Object):
    """A text that was edited according to an instruction."""

    choices: list[EditChoice]
    created: int
    object: str
    usage: CompletionUsage
    id: str | None = None
    model: str | None = None


class FineTuneEvent(Object):
    """A message about the progress of a fine-tune."""

    created_at: int
    level: str
    message: str
    object: str


class Hyperparams(Object):
    """The settings of a fine-tune."""

    batch_size: int | None = None
    classification_betas: list[float] | None = None
    classification_n_classes: int | None = None
    classification_positive_class: str | None = None
    compute_classification_metrics: bool | None = None
    learning_rate_multiplier: float | None = None
    n_epochs: int | None = None
    prompt_loss_weight: float | None = None


class FineTune(Object):
    """A fine-tune, the predecessor of fine-tuning jobs."""

    created_at: int
    fine_tuned_model: str | None
    hyperparams: Hyperparams
    id: str
    model: str
    object: str
    organization_id: str
    result_files: list[FileObject]
    status: str
    training_files: list[FileObject]
    updated_at: int
    validation_files: list[FileObject]
    events: list[FineTuneEvent] | None = None


class AssistantFile(Object):
    """A file attached to an assistant."""

    assistant_id: str
    created_at: int
    id: str
    object: str


class AssistantFileDeleted(Object):
    """Confirms that a file was detached from an assistant."""

    deleted: bool
    id: str
    object: str


class MessageFile(Object):
    """A file attached to a message."""

    created_at: int
    id: str
    message_id: str
    object: str
