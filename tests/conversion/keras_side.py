"""What the tests do with real Keras layers, in a process without PyTorch. A plan gives
features, layers [(units, directions)], use_bias and dtype.
"""

import pickle
from typing import Any

import numpy as np
import tensorflow as tf
from serving import serve

from lstm_ref.conversion import Stack, from_keras, to_keras

keras = tf.keras
ZEROS = {
    "kernel_initializer": "zeros",
    "recurrent_initializer": "zeros",
}  # orthogonal does not exist for bfloat16 in TensorFlow 2.21
Arrays = list[list[Any]]  # get_weights() of each layer


def layers(plan: dict[str, Any]) -> list[Any]:
    built, features = [], plan["features"]
    for units, directions in plan["layers"]:
        layer = keras.layers.LSTM(
            units, use_bias=plan["use_bias"], return_sequences=True, dtype=plan["dtype"], **ZEROS
        )
        if directions == 2:
            layer = keras.layers.Bidirectional(layer, dtype=plan["dtype"])
        layer.build((None, None, features))
        built.append(layer)
        features = units * directions
    return built


def loaded(plan: dict[str, Any], arrays: Arrays) -> list[Any]:
    built = layers(plan)
    for layer, each in zip(built, arrays, strict=True):
        layer.set_weights(each)
    return built


def taken(plan: dict[str, Any], arrays: Arrays) -> Stack:
    built = loaded(plan, arrays)
    return from_keras(built[0] if len(built) == 1 else built)


def put(plan: dict[str, Any], weights: Stack) -> Arrays:
    built = layers(plan)
    before = pickle.dumps(weights)
    to_keras(weights, built[0] if len(built) == 1 else built)
    assert pickle.dumps(weights) == before
    return [layer.get_weights() for layer in built]


def left(plan: dict[str, Any], arrays: Arrays, weights: Stack) -> Arrays:
    """What the layers hold after a conversion that was refused."""
    built = loaded(plan, arrays)
    try:
        to_keras(weights, built)
    except ValueError:
        return [layer.get_weights() for layer in built]
    raise AssertionError("not refused")


def computed(plan: dict[str, Any], arrays: Arrays, x: Any) -> Any:
    y = tf.constant(x)
    for layer in loaded(plan, arrays):
        y = layer(y)
    return y.numpy()


def forms() -> dict[str, tuple[Stack, Arrays]]:
    """Each form that a Keras LSTM comes in: what is read of it, and get_weights() of
    its parts, layer after layer.
    """
    L = keras.layers

    def built(layer: Any) -> Any:
        layer.build((None, None, 5))
        return layer

    alone, inside = (
        built(L.LSTM(3)),
        built(L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(2, go_backwards=True))),
    )
    one, several = built(L.RNN(L.LSTMCell(3))), built(L.RNN([L.LSTMCell(3), L.LSTMCell(2)]))
    cell = L.LSTMCell(3)
    cell.build((None, 5))
    first, second = L.LSTM(3, return_sequences=True), L.Bidirectional(L.LSTM(2))
    model = keras.Sequential([keras.Input((None, 5)), L.Masking(), first, L.Dropout(0.5), second])
    found = {
        "LSTM": (alone, [alone]),
        "Bidirectional": (inside, [inside.forward_layer, inside.backward_layer]),
        "RNN": (one, [one]),
        "RNN of cells": (several, several.cell.cells),
        "LSTMCell": (cell, [cell]),
        "Sequential": (model, [first, second.forward_layer, second.backward_layer]),
        "list": ([first, second], [first, second.forward_layer, second.backward_layer]),
    }
    return {
        name: (from_keras(whole), [part.get_weights() for part in parts])
        for name, (whole, parts) in found.items()
    }


def shares_memory(plan: dict[str, Any], arrays: Arrays) -> list[bool]:
    """Whether a change of the layer changes what was taken, of what was taken the
    layer, and of what was put the layer.
    """
    (layer,) = loaded(plan, arrays)
    weights = from_keras(layer)
    before = weights[0][0].kernel.copy()
    layer.set_weights([np.zeros_like(array) for array in arrays[0]])
    changed = [not np.array_equal(weights[0][0].kernel, before)]
    weights[0][0].kernel[...] = 7
    changed.append(bool(np.any(layer.get_weights()[0])))
    to_keras(weights, layer)
    weights[0][0].kernel[...] = 9
    changed.append(not np.all(layer.get_weights()[0] == 7))
    return changed


def refused(name: str) -> Stack:
    """What comes of a layer that cannot be converted."""
    L = keras.layers
    unlike = [
        L.LSTM(2, return_sequences=True, activation="relu", recurrent_activation="hard_sigmoid"),
        L.GRU(2),
    ]
    sources = {
        "not built": L.LSTM(2),
        "other activations, and a GRU": keras.Sequential([keras.Input((None, 5)), *unlike]),
        "a callable activation": L.LSTM(2, activation=lambda z: z),
        "backwards": L.LSTM(2, go_backwards=True),
        "a sum of directions": L.Bidirectional(L.LSTM(2), merge_mode="sum"),
        "cells in both directions": L.Bidirectional(L.RNN([L.LSTMCell(2), L.LSTMCell(2)])),
        "a dense layer between": [L.LSTM(2, return_sequences=True), L.Dense(2), L.LSTM(2)],
        "one on another that does not fit": [L.LSTM(2, return_sequences=True), L.LSTM(3)],
        "no sequence for the next": [L.LSTM(2), L.LSTM(2)],
        "a mask between": [L.LSTM(2, return_sequences=True), L.Masking(), L.LSTM(2)],
        "nothing": [],
    }
    source = sources[name]
    for layer in source if isinstance(source, list) else [source]:
        if name != "not built":
            layer.build((None, None, 5))
    return from_keras(source)


class Own(keras.Model):  # type: ignore[misc]
    """A model whose graph is not there to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = keras.layers.LSTM(2)

    def call(self, x: Any) -> Any:
        return self.lstm(x)


def own() -> Any:
    model = Own()
    model(np.ones((1, 2, 5), np.float32))
    return model


def branches() -> Stack:
    """From two LSTMs side by side on one input."""
    x = keras.Input((None, 5))
    model = keras.Model(x, [keras.layers.LSTM(2, name="left")(x), keras.layers.LSTM(2, name="right")(x)])
    return from_keras(model)


def conditions(name: str) -> list[str]:
    """What has to be minded of a model."""
    L, given = keras.layers, keras.Input
    x = given((None, 5))
    sources = {
        "masking": lambda: keras.Sequential([given((None, 5)), L.Masking(), L.LSTM(2)]),
        "embedding with mask": lambda: keras.Sequential(
            [given((None,)), L.Embedding(9, 4, mask_zero=True), L.LSTM(2)]
        ),
        "embedding and dense": lambda: keras.Sequential(
            [given((None,)), L.Embedding(9, 4), L.LSTM(2), L.Dense(1)]
        ),
        "functional": lambda: keras.Model(x, L.Dense(1)(L.LSTM(2)(x))),
        "stateful": lambda: keras.Sequential([given(batch_shape=(4, None, 5)), L.LSTM(2, stateful=True)]),
        "bidirectional last": lambda: keras.Sequential([given((None, 5)), L.Bidirectional(L.LSTM(2))]),
        "recurrent dropout": lambda: keras.Sequential([given((None, 5)), L.LSTM(2, recurrent_dropout=0.5)]),
        "mask between model and LSTM": lambda: keras.Model(
            [x, m := given((None,), dtype="bool")], L.LSTM(2)(x, mask=m)
        ),
        "given states": lambda: keras.Model(
            [x, h := given((2,)), c := given((2,))], L.LSTM(2)(x, initial_state=[h, c])
        ),
        "convolution before": lambda: keras.Sequential([given((None, 5)), L.Conv1D(4, 2), L.LSTM(2)]),
        "mask after": lambda: keras.Sequential(
            [given((None, 5)), L.LSTM(2, return_sequences=True), L.Masking()]
        ),
        "functional row": lambda: keras.Model(
            x, L.LSTM(2)(L.Dropout(0.5)(L.LSTM(3, return_sequences=True)(x)))
        ),
        "own call": lambda: own(),
        "plain": lambda: keras.Sequential(
            [given((None, 5)), L.LSTM(2, return_sequences=True), L.Dropout(0.5), L.LSTM(2)]
        ),
    }
    return list(from_keras(sources[name]()).conditions)


def masked(x: Any, lengths: list[int]) -> tuple[Any, Stack]:
    """The sequences that a model with a Masking returns, and its weights."""
    padded = np.where(np.arange(x.shape[1])[:, None] < np.reshape(lengths, (-1, 1, 1)), x, 0.0)
    layers = [
        keras.layers.Masking(dtype="float64"),
        keras.layers.LSTM(3, return_sequences=True, dtype="float64"),
    ]
    model = keras.Sequential([keras.Input((None, x.shape[2]), dtype="float64"), *layers])
    return model(padded).numpy(), from_keras(model)


def block_lstm(version: int, x: Any, kernel: Any, bias: Any, forget_bias: float) -> Any:
    """What tf.raw_ops.BlockLSTM, or BlockLSTMV2, computes: h (batch, timesteps,
    units).
    """
    import tensorflow as tf

    batch, timesteps, _ = x.shape
    units = bias.size // 4
    zeros, peephole = tf.zeros((batch, units)), tf.zeros(units)
    arguments = {
        "seq_len_max": tf.constant(timesteps, tf.int64),
        "x": tf.constant(x.swapaxes(0, 1)),
        "cs_prev": zeros,
        "h_prev": zeros,
        "w": tf.constant(kernel),
        "wci": peephole,
        "wcf": peephole,
        "wco": peephole,
        "b": tf.constant(bias),
        "cell_clip": -1.0,
    }
    operation = tf.raw_ops.BlockLSTM if version == 1 else tf.raw_ops.BlockLSTMV2
    found = operation(**arguments, **({"forget_bias": forget_bias} if version == 1 else {}))
    return found.h.numpy().swapaxes(0, 1)


FUNCTIONS = (
    taken,
    put,
    left,
    computed,
    forms,
    shares_memory,
    refused,
    branches,
    conditions,
    masked,
    block_lstm,
)
serve({function.__name__: function for function in FUNCTIONS})
