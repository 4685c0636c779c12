"""Where Keras runs: the CPU, one thread, no settings of a user's."""

ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    # The subject's working folder is its own and empty: no keras.json of the user's
    # changes floatx or epsilon.
    "KERAS_HOME": ".",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}

ACCUMULATION = {"float64": "float64", "float32": "float32", "float16": "float32", "bfloat16": "float32"}

# TensorFlow's own kernels, and compiled code for the oldest processor that it starts
# on, which has AVX.
LOWEST = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX",
}


def environment_of(backend: str) -> dict[str, str]:
    """That of Keras on a backend that is not TensorFlow."""
    return {
        "KERAS_BACKEND": backend,
        **{name: value for name, value in ENVIRONMENT.items() if not name.startswith(("TF_", "KERAS_BACK"))},
    }
