"""Keras 3 on OpenVINO, which neither differentiates nor trains."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lstm_ref.implementations._keras import ACTIONS, IN_FLOAT32, Plain, environment_of, keras_on
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import LiveLayer
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-openvino",
    requires=("keras", "openvino", "scipy"),  # which the backend imports (3.15)
    extra="keras-openvino",
    environment=environment_of("openvino"),
)


class Evaluated(Plain):
    """A call only describes what is to be computed, and the first look at a number
    computes it (Keras 3.15). The numbers are part of the call, and so are exceptions.
    """

    def executor(self, at: Framework, live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """The layer itself, and a copy of what it returns."""
        call = super().executor(at, live)
        return lambda arguments: at.backend.map(at.backend.copy, call(arguments))


IMPLEMENTATIONS = (
    Implementation(
        name="keras-openvino",
        dialect="keras",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=partial(keras_on, "openvino", Evaluated()),
        version="3",
        actions=ACTIONS,
        differentiable=False,
        on_request=True,
    ),
)
