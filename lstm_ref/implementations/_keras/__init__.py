"""What the adapters of Keras 3 on each backend, and of Keras 2, share."""

from lstm_ref.implementations._keras.adapter import Keras
from lstm_ref.implementations._keras.host import ACCUMULATION, ENVIRONMENT, LOWEST, environment_of
from lstm_ref.implementations._keras.keras3 import Keras3
from lstm_ref.implementations._keras.modes import Mode, Plain
from lstm_ref.implementations._keras.other_backends import ACTIONS, IN_FLOAT32, keras_on
from lstm_ref.implementations._keras.tensorflow import TensorFlow
from lstm_ref.implementations._keras.tensorflow_modes import Eager, Traced

__all__ = [
    "ACCUMULATION",
    "ACTIONS",
    "ENVIRONMENT",
    "IN_FLOAT32",
    "LOWEST",
    "Eager",
    "Keras",
    "Keras3",
    "Mode",
    "Plain",
    "TensorFlow",
    "Traced",
    "environment_of",
    "keras_on",
]
