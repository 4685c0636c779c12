"""Keras 3 on NumPy, which neither differentiates nor trains."""

from functools import partial

from lstm_ref.implementations._keras import ACTIONS, IN_FLOAT32, Plain, environment_of, keras_on
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-numpy",
    requires=("keras", "jax", "scipy"),  # the backend imports both (3.15)
    extra="keras-numpy",
    environment=environment_of("numpy"),
)

IMPLEMENTATIONS = (
    Implementation(
        name="keras-numpy",
        dialect="keras",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=partial(keras_on, "numpy", Plain()),
        version="3",
        actions=ACTIONS,
        differentiable=False,
        on_request=True,
    ),
)
