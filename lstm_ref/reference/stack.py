"""Directions and layers: runs over the sequence side by side, and on top of one
another.

Source: bidirectional, Schuster and Paliwal 1997; stacked, Graves, Mohamed and Hinton
2013.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from lstm_ref.reference.activations import Activation, Array, sigmoid, tanh
from lstm_ref.reference.cell import PLAIN, State, Variant
from lstm_ref.reference.sequence import SequenceGradient, run
from lstm_ref.reference.weights import LSTMWeights

LayerWeights: TypeAlias = Sequence[LSTMWeights]  # one a direction: forward, or forward and backward
LayerStates: TypeAlias = Sequence[State]


class StackGradient(NamedTuple):
    """Gradients of a stack: the input (..., batch, timesteps, features), and by layer
    and direction the initial states and the weights.
    """

    x: Array
    initial: list[list[State]]
    weights: list[list[LSTMWeights]]


def run_backward(
    x: Array,
    initial: State,
    weights: LSTMWeights,
    activation: Activation = tanh,
    recurrent_activation: Activation = sigmoid,
    mask: Array | None = None,
    variant: Variant = PLAIN,
) -> tuple[tuple[Array, State], Callable[[Array, State], SequenceGradient]]:
    """`sequence.run` from the last step to the first. h stands at the time of the input
    that it was computed from.
    """
    flipped_mask = None if mask is None else mask[:, ::-1]
    (h, last), pull = run(
        flip(x), initial, weights, activation, recurrent_activation, flipped_mask, variant=variant
    )

    def pullback(dh: Array, d_last: State) -> SequenceGradient:
        gradient = pull(flip(dh), d_last)
        return gradient._replace(x=flip(gradient.x))

    return (flip(h), last), pullback


def flip(sequence: Array) -> Array:
    """(..., batch, timesteps, n) with time reversed."""
    return sequence[..., ::-1, :]


def run_stack(
    x: Array,
    initial: Sequence[LayerStates],
    weights: Sequence[LayerWeights],
    activation: Activation = tanh,
    recurrent_activation: Activation = sigmoid,
    mask: Array | None = None,
    dropout: Sequence[Array] = (),
) -> tuple[tuple[Array, list[list[State]]], Callable[[Array, Sequence[LayerStates]], StackGradient]]:
    """Run layers on top of one another, each in one direction or in both.

    `initial[layer][direction]` and `weights[layer][direction]` name them. A layer's
    output is the h of its directions side by side (..., batch, timesteps, directions *
    outputs), and the next layer's input. Nothing else passes upward.

    `dropout` has a mask (batch, timesteps, directions * outputs) for the output of
    every layer but the last. A mask is 0 where an element is dropped and 1 / (1 - rate)
    elsewhere. An empty tuple drops nothing.

    Returns the output of the last layer, and the last states by layer and direction.
    The pullback takes the gradients of both.
    """
    y, last, pullbacks = x, [], []
    masks: list[Array | None] = [None] * len(weights)  # on the input of each layer
    masks[1:] = dropout or masks[1:]
    for layer_initial, layer_weights, drop in zip(initial, weights, masks, strict=True):
        y = y if drop is None else y * drop
        runs = [
            direction(y, state, w, activation, recurrent_activation, mask)
            for direction, state, w in zip(
                (run, run_backward)[: len(layer_weights)], layer_initial, layer_weights, strict=True
            )
        ]
        y = np.concatenate([h for (h, _), _ in runs], axis=-1)
        last.append([state for (_, state), _ in runs])
        pullbacks.append([pull for _, pull in runs])

    def pullback(dy: Array, d_last: Sequence[LayerStates]) -> StackGradient:
        layers: list[list[SequenceGradient]] = []
        for layer_pullbacks, layer_d_last, drop in zip(
            reversed(pullbacks), reversed(d_last), reversed(masks), strict=True
        ):
            parts = np.split(dy, len(layer_pullbacks), axis=-1)
            gradients = [
                pull(part, d) for pull, part, d in zip(layer_pullbacks, parts, layer_d_last, strict=True)
            ]
            dy = sum((g.x for g in gradients[1:]), start=gradients[0].x)
            dy = dy if drop is None else dy * drop
            layers.append(gradients)
        layers.reverse()
        return StackGradient(
            dy,
            [[g.initial for g in layer] for layer in layers],
            [[g.weights for g in layer] for layer in layers],
        )

    return (y, last), pullback
