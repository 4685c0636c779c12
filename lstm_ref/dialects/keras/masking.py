"""keras.layers.Masking and keras.layers.Embedding in NumPy: the layers that make a mask
from their input.

Source: the API documentation of Keras 3, keras.layers.Masking and
keras.layers.Embedding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    INPUT_DEVIATION,
    Draw,
    Given,
    Gradients,
    Output,
    Planted,
    Pullback,
    Sizes,
    Spec,
    Unrolled,
    check_names,
)
from lstm_ref.dialects.initial import Initial, Uniform
from lstm_ref.dialects.keras.masks import mask as mask_of
from lstm_ref.reference.activations import Array

FULL = "full"  # the form of an input in which nothing is masked


class Masking:
    """keras.layers.Masking: the layers that follow skip a step if all its features have
    the mask value. Such a step leaves this layer as zeros. No documentation says so,
    but Keras 2 and 3 do it, and no recurrent layer can see it.
    """

    def __init__(
        self,
        mask_value: float = 0.0,
        *,
        trainable: bool = True,
        name: str | None = None,
        dtype: str | None = None,
        version: str = "3",
    ) -> None:
        self.mask_value = mask_value
        self.trainable = trainable

    def __call__(self, inputs: Array) -> Array:
        """inputs (batch, timesteps, features), with zeros at the steps that are
        masked.
        """
        return self.vjp(inputs)[0]

    def vjp(self, inputs: Array, *, drawn: Mapping[str, Array] | None = None) -> tuple[Array, Pullback]:
        """The call and its pullback."""
        x = np.asanyarray(inputs)
        used = self.compute_mask(x)[..., None]
        return np.where(used, x, 0), lambda cotangents: {"inputs": np.where(used, cotangents[0], 0)}

    def compute_mask(self, inputs: Array) -> Array:
        """The mask (batch, timesteps): True is a step to take."""
        return np.asarray(np.logical_or.reduce(np.not_equal(inputs, self.mask_value), axis=-1))

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """None."""
        return {}

    def initial(self, features: int) -> Mapping[str, Initial]:
        """None."""
        return {}

    def load(self, weights: Mapping[str, Array]) -> None:
        """There are no weights. Raises ValueError for any that are given."""
        check_names(weights, {})

    def take(self, weights: Mapping[str, Array]) -> None:
        """There are none to take."""

    def weights(self) -> Mapping[str, Array]:
        """None."""
        return {}

    def project(self, name: str, weight: Array) -> Array:
        """There is nothing to project."""
        return weight

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """The mask."""
        return self.compute_mask(arguments["inputs"])

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs`. The form of the input is a word for a mask. The steps that this
        mask leaves out have the mask value.
        """
        shape = sizes.shape or (sizes.batch, sizes.timesteps, sizes.features)
        masked = (
            None
            if sizes.shape or sizes.form in (None, FULL)
            else ~mask_of(str(sizes.form), sizes.batch, sizes.timesteps)[..., None]
        )
        planted = None if masked is None else Planted(masked, self.mask_value)
        return {"inputs": Spec(shape, ("batch", "time", "feature"), INPUT_DEVIATION, "x", planted)}

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """None."""
        return {}

    def effects(self) -> Mapping[str, Array]:
        """None."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """Nothing changes a layer without weights and states."""

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The output."""
        return (Output("output", ("batch", "time", "feature")),)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """There are no steps."""
        return None

    @property
    def carries_state(self) -> bool:
        """There is none."""
        return False


class Embedding:
    """keras.layers.Embedding: integers become rows of a table. With mask_zero a 0 is a
    step that the layers that follow skip.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        *,
        trainable: bool = True,
        name: str | None = None,
        dtype: str | None = None,
        version: str = "3",
    ) -> None:
        given = {
            "embeddings_initializer": embeddings_initializer,
            "embeddings_regularizer": embeddings_regularizer,
        }
        given |= {
            "embeddings_constraint": embeddings_constraint,
            "weights": weights,
            "lora_rank": lora_rank,
            "lora_alpha": lora_alpha,
        }
        given |= {"quantization_config": quantization_config}
        if others := [parameter for parameter, value in given.items() if value not in (None, "uniform")]:
            raise NotImplementedError(
                "the NumPy keras.layers.Embedding, which is here for its masks, does not implement"
                f" {', '.join(others)}"
            )
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.mask_zero = mask_zero
        self.trainable = trainable
        self.dtype = np.dtype(dtype or "float32")
        self._embeddings: Array | None = None

    def __call__(self, inputs: Array) -> Array:
        """The rows (batch, timesteps, output_dim) of the integers (batch, timesteps).
        Raises ValueError for one outside the table.
        """
        return self.vjp(inputs)[0]

    def vjp(self, inputs: Array, *, drawn: Mapping[str, Array] | None = None) -> tuple[Array, Pullback]:
        """The call and its pullback to "embeddings"; integers have no gradient."""
        ids = np.asarray(inputs, int)
        if np.any((ids < 0) | (ids >= self.input_dim)):
            raise ValueError(f"the integers must lie between 0 and {self.input_dim - 1}")
        chosen = (ids.reshape(-1, 1) == np.arange(self.input_dim)).astype(self.dtype)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            (d,) = cotangents
            rows = d.reshape(*d.shape[:-3], chosen.shape[0], self.output_dim)
            return {"embeddings": chosen.T @ rows} if self.trainable else {}

        return self._table()[..., ids, :], pullback

    def compute_mask(self, inputs: Array) -> Array | None:
        """The mask (batch, timesteps): True is a step to take."""
        return np.asarray(inputs, int) != 0 if self.mask_zero else None

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """`embeddings` (input_dim, output_dim), whatever the input."""
        shape, axes = (self.input_dim, self.output_dim), ("feature", "output")
        return {"embeddings": Spec(shape, axes, INPUT_DEVIATION, role="embedding", own="embeddings")}

    def initial(self, features: int) -> Mapping[str, Initial]:
        """Uniform between -0.05 and 0.05, the default of
        keras.initializers.RandomUniform.
        """
        return {"embeddings": Uniform(-0.05, 0.05)}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by name. Raises ValueError where names or shapes are
        wrong.
        """
        check_names(weights, self.weight_specs(0))
        self._embeddings = np.asanyarray(weights["embeddings"], self.dtype).copy()

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, which may carry leading axes."""
        self._embeddings = weights["embeddings"]

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return {"embeddings": self._table()}

    def project(self, name: str, weight: Array) -> Array:
        """There are no constraints here."""
        return weight

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """The mask."""
        return self.compute_mask(arguments["inputs"])

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs`: integers from 1 on. The form of the input is a word for a mask. The
        steps that this mask leaves out are 0.

        They are the same for every seed: every word of the table comes once before one
        comes again, and no two rows are alike.
        """
        row, time = np.ogrid[: sizes.batch, : sizes.timesteps]
        words = 1 + (row * sizes.timesteps + time + row) % max(self.input_dim - 1, 1)
        used = mask_of(sizes.form or FULL, sizes.batch, sizes.timesteps)
        return {"inputs": Given(np.where(used, words, 0).astype(np.int32), ("batch", "time"))}

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """None."""
        return {}

    def effects(self) -> Mapping[str, Array]:
        """None."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """What leaves the weights as they are."""

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The output."""
        return (Output("output", ("batch", "time", "feature")),)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """There are no steps."""
        return None

    @property
    def carries_state(self) -> bool:
        """There is none."""
        return False

    def _table(self) -> Array:
        if self._embeddings is None:
            raise ValueError("the layer has no weights: call load first")
        return self._embeddings
