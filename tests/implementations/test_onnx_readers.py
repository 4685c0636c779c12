"""OpenCV and tract: what they say that they do not compute is told in their words."""

from types import ModuleType

import pytest

from lstm_ref.implementations import opencv, openvino, tract
from lstm_ref.implementations.tract import Tract


@pytest.mark.parametrize("module", [opencv, openvino, tract])
def test_what_computes_in_float32_declares_float32_alone(module: ModuleType) -> None:
    assert [each.accumulation for each in module.IMPLEMENTATIONS] == [{"float32": "float32"}]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "Evaluating inner body\nonly supports f32 and f16 preactivations, got F64",
            "only supports f32 and f16 preactivations, got F64",
        ),
        ("Non constant seq_len is not supported", "Non constant seq_len is not supported"),
        ("Clashing resolution for expression. 1=1 != 4.", None),
    ],
)
def test_tract_says_what_it_does_not_support(message: str, words: str | None) -> None:
    assert Tract.__new__(Tract).declined(RuntimeError(message)) == words
