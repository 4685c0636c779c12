"""Keras 3 on JAX, called op by op."""

from functools import partial

from lstm_ref.implementations._keras import IN_FLOAT32, environment_of, keras_on
from lstm_ref.implementations._keras.jax_mode import Stateless
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-jax",
    requires=("keras", "jax", "jaxlib"),
    extra="keras-jax",
    environment={
        **environment_of("jax"),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    },
)

IMPLEMENTATIONS = (
    Implementation(
        name="keras-jax",
        dialect="keras",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=partial(keras_on, "jax", Stateless()),
        version="3",
        on_request=True,
    ),
)
