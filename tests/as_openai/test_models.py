"""Functions of `openai._models` that make objects of plain data."""

from __future__ import annotations

from oai._official.models import construct_type
from oai.types.responses import Response, ResponseOutputMessage


def test_values_that_json_does_not_have_stay_as_they_are() -> None:
    extra = object()
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [], "extra": extra}
    response = construct_type(type_=Response, value={"id": "r", "output": [message], "when": extra})
    assert isinstance(response, Response)
    assert isinstance(response.output[0], ResponseOutputMessage)
    assert response.output[0].model_extra == {"extra": extra}
    assert response.model_extra == {"when": extra}
