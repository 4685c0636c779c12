"""What the adapters of Keras 3 and Keras 2 on TensorFlow share."""

from lstm_ref.implementations._keras.adapter import Keras
from lstm_ref.implementations._keras.host import ACCUMULATION, ENVIRONMENT, LOWEST
from lstm_ref.implementations._keras.modes import Eager, Mode, Traced

__all__ = ["ACCUMULATION", "ENVIRONMENT", "LOWEST", "Eager", "Keras", "Mode", "Traced"]
