"""Keras 3 on PyTorch, called op by op."""

from functools import partial

from lstm_ref.implementations._keras import IN_FLOAT32, environment_of, keras_on
from lstm_ref.implementations._keras.torch_mode import Autograd
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-torch",
    requires=("keras", "torch"),
    extra="keras-torch",
    environment=environment_of("torch"),
)

IMPLEMENTATIONS = (
    Implementation(
        name="keras-torch",
        dialect="keras",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=partial(keras_on, "torch", Autograd(), trains_eagerly=True),
        version="3",
        on_request=True,
    ),
)
