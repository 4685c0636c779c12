"""What a framework says of itself: signatures, and examples that are run as they are
written.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from lstm_ref.protocol.documentation import ExampleRaised, example, run_example, signature
from lstm_ref.protocol.errors import AdapterError, NotOffered
from lstm_ref.protocol.steps import run
from lstm_ref.protocol.trace import Request, Step


class Base:
    def __init__(self, mode, size, *, bias=True, rate=0.0, function=print, **others):  # type: ignore[no-untyped-def]
        pass


class Layer(Base):
    """A layer.

    >>> layer = Layer(3)
    >>> 1 + 1
    2

    ```python
    print("fenced")
    ```

    And once more:

    >>> print("prompted")
    prompted
    """

    def __init__(self, *args, **others):  # type: ignore[no-untyped-def]
        super().__init__("LSTM", *args, **others)

    def call(self, sequences, mask=None):  # type: ignore[no-untyped-def]
        pass


class Adapter:
    """As much of an adapter as a request needs that has no layer."""

    def seed(self, seed: int) -> None:
        pass

    def documented(self, name: str) -> Any:
        return {"Layer": Layer}[name]

    def namespace(self) -> Mapping[str, Any]:
        return {"Layer": Layer}


def request(*steps: Step) -> Request:
    return Request("", "Layer", {}, "float32", {}, steps)


def test_a_signature_is_that_of_the_class_that_takes_the_arguments() -> None:
    assert signature(Layer) == {"size": "required", "bias": True, "rate": 0.0, "function": repr(print)}
    assert list(signature(Layer)) == ["size", "bias", "rate", "function"]


def test_a_signature_of_a_function_is_its_own() -> None:
    assert signature(Layer.call) == {"sequences": "required", "mask": None}


def test_all_prompts_of_a_docstring_are_one_block_and_fences_the_others() -> None:
    assert example(Layer, 0) == 'layer = Layer(3)\n\n1 + 1\n\nprint("prompted")\n'
    assert example(Layer, 1) == 'print("fenced")\n'


def test_a_block_that_is_not_there_is_told() -> None:
    with pytest.raises(
        AdapterError, match="the docstring of Layer has 2 blocks of code, and none with number 2"
    ):
        example(Layer, 2)


def test_an_example_prints_what_an_interpreter_shows() -> None:
    assert run_example("x = 1\nx + 1\nNone\nprint(y)\nprint('a\\nb')", {"y": 5}) == ["2", "5", "a", "b"]


def test_an_example_keeps_what_it_had_printed_when_it_raises() -> None:
    with pytest.raises(ExampleRaised) as caught:
        run_example("print(1)\nNothing()", {})
    assert caught.value.printed == ["1"]
    assert isinstance(caught.value.error, NameError)


def test_an_example_that_is_no_python_raises_a_syntax_error() -> None:
    with pytest.raises(ExampleRaised) as caught:
        run_example("print(1", {})
    assert isinstance(caught.value.error, SyntaxError)
    assert caught.value.printed == []


def test_a_request_for_documentation_constructs_no_layer() -> None:
    code = {"code": "print(Layer(3) is not None)", "docstring": "", "block": 0}
    trace = run(
        Adapter(),  # type: ignore[arg-type]
        request(
            Step("signature", {"name": "Layer"}),
            Step("signature", {"name": "Layer.call"}),
            Step("example", code),
            Step("example", {"code": "", "docstring": "Layer", "block": 1}),
        ),
    )
    assert trace.raised is None
    assert [dict(call.facts) for call in trace.calls] == [
        {"signature": {"size": "required", "bias": True, "rate": 0.0, "function": repr(print)}},
        {"signature": {"sequences": "required", "mask": None}},
        {"printed": ["True"]},
        {"printed": ["fenced"]},
    ]


def test_what_an_example_raises_is_the_frameworks_and_ends_the_request() -> None:
    code = {"code": "print(1)\n{}['a']", "docstring": "", "block": 0}
    trace = run(Adapter(), request(Step("example", code), Step("signature", {"name": "Layer"})))  # type: ignore[arg-type]
    assert trace.raised is not None
    assert (trace.raised.types[0], trace.raised.step) == ("KeyError", 0)
    assert [dict(call.facts) for call in trace.calls] == [{"printed": ["1"]}]


def test_an_adapter_without_documentation_does_not_offer_it() -> None:
    class Silent:
        def seed(self, seed: int) -> None:
            pass

    with pytest.raises(NotOffered, match="no documentation"):
        run(Silent(), request(Step("signature", {"name": "Layer"})))  # type: ignore[arg-type]
