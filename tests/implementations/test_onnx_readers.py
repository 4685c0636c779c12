"""OpenCV and tract: what they say that they do not compute is told in their words."""

import pytest

from lstm_ref.implementations.opencv import OpenCv
from lstm_ref.implementations.tract import Tract
from lstm_ref.protocol.trace import Request


def test_opencv_is_asked_for_float32_alone() -> None:
    adapter = OpenCv.__new__(OpenCv)
    assert adapter.unsupported(Request("", "LSTM", {}, "float32", {}, ())) is None
    assert adapter.unsupported(Request("", "LSTM", {}, "float64", {}, ())) is not None


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
