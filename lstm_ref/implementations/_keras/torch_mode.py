"""How a call on Keras' backend of PyTorch is executed and differentiated."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from lstm_ref.implementations._keras.calls import Differentiate, trained
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import LiveLayer
from lstm_ref.implementations._keras.modes import Plain
from lstm_ref.protocol.adapter import Gradients


class Autograd(Plain):
    """Op by op; PyTorch keeps the graph."""

    def record(
        self, at: Framework, live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """The leaves require gradients before the call. Recorded states are assigned
        without gradients, so they are constants.
        """
        for leaf in leaves:
            leaf.requires_grad_(True)
        result = call()

        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            torch = import_module("torch")
            weights = trained(at, live)
            sources = [*map(at.generation.source, weights.values()), *leaves]
            seeds = [*cotangents, *map(torch.ones_like, live.losses)]
            reached = [
                (output, seed)
                for output, seed in zip([*outputs, *live.losses], seeds, strict=True)
                if output.requires_grad
            ]
            found = torch.autograd.grad(
                [output for output, _ in reached], sources, [seed for _, seed in reached], allow_unused=True
            )
            return dict(zip(weights, found[: len(weights)], strict=True)), found[len(weights) :]

        return result, differentiate
