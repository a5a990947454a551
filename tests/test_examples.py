"""The specification's own examples, a third of which violate the specification, survive a round trip."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from paths import API
from typed import all_structs, all_tags, is_kept, without_none

import oai
from oai._json.objects import Object, plain
from oai._json.strict import decoder
from oai._table.load import shipped_table
from oai._table.operation import Operation

EXAMPLES = API / "examples.jsonl"


def shape(method: str, path: str) -> tuple[str, str]:
    return method, re.sub(r"\{\w+\}", "{}", path).partition("?")[0]


def examples() -> list[dict[str, Any]]:
    if not EXAMPLES.exists():
        pytest.skip("the specification's examples are not next to this checkout (../shared/api/examples.jsonl)")
    lines = [json.loads(line) for line in EXAMPLES.read_text().splitlines()]
    return [line for line in lines if line["kind"] == "json" and isinstance(line["example"], (dict, list))]


def test_every_example_survives_a_round_trip(capsys: pytest.CaptureFixture[str]) -> None:
    operations = {shape(row.method, row.path): Operation(name, row) for name, row in shipped_table().items()}
    structs = {struct.__name__: struct for struct in all_structs()}
    lenient, missing, count = 0, set(), 0
    for line in examples():
        if line["path"] is None:  # an example of a schema: decode as the struct of that name, or as any object
            kind: Any = structs.get(line["schema_ref"], Object)
        elif shape(line["method"], line["path"]) in operations:
            kind = operations[shape(line["method"], line["path"])].response_type
        else:
            missing.add((line["method"], line["path"]))
            kind = Object
        kind = Object if kind in (bytes, str, None) else kind
        data = msgspec.json.encode(line["example"])
        try:
            decoder(kind).decode(data)
        except msgspec.ValidationError:
            lenient += kind is not Object
        count += kind is not Object
        result = oai.decode(kind, data)
        where = f"{line['operationId']} {line['schema_ref']} {line['index']}"
        assert is_kept(without_none(line["example"]), without_none(plain(result)), all_tags()), where
    with capsys.disabled():
        print(f"\n{count} examples have a type; {lenient} of them ({lenient / count:.0%}) need the lenient decoder")
    assert count > 350
    assert missing <= {("POST", "/evals/{eval_id}/runs/{run_id}")}  # the SDK has /cancel instead
