"""Keras 3 on OpenVINO, which neither differentiates nor trains."""

from functools import partial

from lstm_ref.implementations._keras import ACTIONS, IN_FLOAT32, Plain, environment_of, keras_on
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-openvino",
    requires=("keras", "openvino", "scipy"),  # which the backend imports (3.15)
    extra="keras-openvino",
    environment=environment_of("openvino"),
)

IMPLEMENTATIONS = (
    Implementation(
        name="keras-openvino",
        dialect="keras",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=partial(keras_on, "openvino", Plain()),
        version="3",
        actions=ACTIONS,
        differentiable=False,
        on_request=True,
    ),
)
