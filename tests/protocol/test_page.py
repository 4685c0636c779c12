"""The page for implementers says what the protocol is: its examples are messages, and
its tables leave nothing out.
"""

import json
import re
from pathlib import Path

import fastjsonschema
import numpy as np
import pytest

import lstm_ref.protocol
from lstm_ref.corpus import load_divergences_file, load_parameters
from lstm_ref.dialects import dialect
from lstm_ref.oracle.twin import run_twin
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.wire import PROTOCOL, request_from_json, trace_from_json
from lstm_ref.runner.offers import problems_of

FOLDER = Path(lstm_ref.protocol.__file__).parent
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
SCHEMA = json.loads((FOLDER / "protocol.schema.json").read_text(encoding="utf-8"))
MESSAGES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
DEFINITIONS = SCHEMA["definitions"]


def named(message: str) -> dict[str, object]:
    """The first example of a message."""
    return next(each for each in MESSAGES if each["message"] == message)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["message"])
def test_each_example_is_a_message(message: dict[str, object]) -> None:
    fastjsonschema.compile(SCHEMA)(message)


def test_every_message_has_an_example() -> None:
    kinds = {option["$ref"].rpartition("/")[2] for option in SCHEMA["oneOf"]}
    assert {message["message"] for message in MESSAGES} == kinds


def test_the_hello_declares_what_is_documented() -> None:
    (implementation,) = named("hello")["implementations"]
    assert list(problems_of(Introduction.from_json(implementation), load_parameters())) == []


def test_the_trace_is_the_right_answer_to_the_run() -> None:
    (expected,) = run_twin(dialect("keras", "3"), request_from_json(named("run")["request"]))
    (call,) = trace_from_json(named("trace")["trace"]).calls
    assert call.structure == expected.structure
    np.testing.assert_allclose(call.outputs[0].values, expected.outputs["output"], rtol=1e-6)


@pytest.mark.parametrize(
    "part", ["hello", "implementation", "layerRequest", "step", "call", "trace", "raised", "argument"]
)
def test_every_key_is_explained(part: str) -> None:
    definition = DEFINITIONS[part]["properties"].get("trace", DEFINITIONS[part])
    missing = [key for key in definition["properties"] if f"`{key}`" not in PAGE and f'"{key}"' not in PAGE]
    assert missing == []


def test_the_versions_are_those_that_there_are() -> None:
    listed = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert listed[0] == str(PROTOCOL)


def test_the_example_of_divergences_is_a_file_of_divergences(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "my-lstm.yaml"
    file.write_text(block, encoding="utf-8")
    (entry,) = load_divergences_file(file)
    assert entry.implementation == "my-lstm"


def test_every_file_that_the_page_names_is_there() -> None:
    links = [target for target in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in target]
    assert links
    assert [target for target in links if not (FOLDER / target).exists()] == []
