"""Keras 3 on NumPy, which neither differentiates nor trains."""

from functools import partial

from lstm_ref.implementations._keras import ACTIONS, IN_TWO_DTYPES, Plain, environment_of, keras_on
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-numpy",
    requires=("keras", "scipy"),
    extra="keras-numpy",
    environment=environment_of("numpy"),
)

IMPLEMENTATIONS = (
    Implementation(
        name="keras-numpy",
        dialect="keras",
        host=HOST,
        accumulation=IN_TWO_DTYPES,
        adapter=partial(keras_on, "numpy", Plain()),
        version="3",
        actions=ACTIONS,
        differentiable=False,
        on_request=True,
    ),
)
