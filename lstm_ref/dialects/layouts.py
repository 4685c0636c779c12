"""Takes the weights of a whole layer, in the layout of any dialect, apart into those of
its single LSTMs, and puts them together again.

The Label of a weight says its role, and to which LSTM it belongs. The order of the
weights is that of layers and, within a layer, of directions.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from lstm_ref.dialects.dialect import GATES, OF_LSTM, Label, Role
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

Labels = Mapping[str, Label]  # by name of the weight
Group = Mapping[Role, str]  # the names of the weights of one LSTM, by what they are to it

# The axes of each weight in the reference.
AXES: Mapping[Role, tuple[str, ...]] = {
    "kernel": ("feature", "gate"),
    "recurrent kernel": ("unit", "gate"),
    "bias": ("gate",),
    "recurrent bias": ("gate",),
    "projection": ("unit", "output"),
    "peepholes": ("gate",),
}


def groups(labels: Labels) -> dict[str, Group]:
    """The weights of each single LSTM by its place ("", "forward", "0/backward",
    "_l1_reverse"), in order.

    Raises ValueError for a weight that belongs to none.
    """
    found: dict[str, dict[Role, str]] = {}
    for name, label in labels.items():
        if label.role not in OF_LSTM:
            raise ValueError(f"{name} is not a weight of an LSTM")
        found.setdefault(label.place.name, {})[label.role] = name
    return dict(found)


def lstms(labels: Labels) -> list[str]:
    """The places of the single LSTMs, in order. Weights that belong to no LSTM are
    passed over.
    """
    return list(groups({name: label for name, label in labels.items() if label.role in OF_LSTM}))


def canonical(weights: Mapping[str, Array], labels: Labels) -> list[LSTMWeights]:
    """The weights of each single LSTM as the reference has them, in order.

    Raises ValueError for a weight that belongs to none.
    """
    found = []
    for group in groups(labels).values():
        arrays = {role: _to_reference(weights[name], role, labels[name]) for role, name in group.items()}
        kernel = arrays["kernel"]
        found.append(
            LSTMWeights(
                kernel,
                arrays["recurrent kernel"],
                arrays.get("bias", np.zeros_like(kernel[0])),
                arrays.get("recurrent bias"),
                arrays.get("projection"),
                arrays.get("peepholes"),
            )
        )
    return found


def named(layer: LSTMWeights, group: Group, labels: Labels) -> dict[str, Array]:
    """The weights of a single LSTM under the names of a group, in its layout.

    Where the group has one bias, it is the sum of two. Where it has none, the layer's
    is left out. Raises ValueError for a projection or peepholes that only the LSTM or
    only the group has.
    """
    for role, values in (("projection", layer.projection), ("peepholes", layer.peepholes)):
        if (values is None) == (role in group):
            raise ValueError(f"only one of the two layers has the {role}")
    two = "recurrent bias" in group
    second = np.zeros_like(layer.bias) if layer.recurrent_bias is None else layer.recurrent_bias
    arrays: dict[Role, Array] = {
        "kernel": layer.kernel,
        "recurrent kernel": layer.recurrent_kernel,
        "bias": layer.bias if two or layer.recurrent_bias is None else layer.bias + second,
        "recurrent bias": second,
    }
    if layer.projection is not None:
        arrays["projection"] = layer.projection
    if layer.peepholes is not None:
        arrays["peepholes"] = layer.peepholes
    return {name: _from_reference(arrays[role], role, labels[name]) for role, name in group.items()}


def of_place(labels: Labels, place: str) -> dict[str, str]:
    """The names of the weights that belong to a part of a layer ("forward", "0",
    "_l0_reverse"). The keys are the names that they would have in that part alone.
    """
    found = {}
    for name, label in labels.items():
        if label.place.name == place:
            found[label.own] = name
        elif label.place.name.startswith(f"{place}/"):
            found[f"{label.place.name.removeprefix(f'{place}/')}/{label.own}"] = name
    return found


def within(label: Label, place: str) -> Label:
    """The label that a weight would have in this part of the layer alone."""
    return label._replace(
        place=label.place._replace(name=label.place.name.removeprefix(place).removeprefix("/"))
    )


def places(labels: Iterable[Label]) -> list[str]:
    """The parts of a layer that have weights. A part comes before the parts inside
    it.
    """
    found: dict[str, None] = {}
    for label in labels:
        steps = label.place.name.split("/")
        found |= dict.fromkeys("/".join(steps[: k + 1]) for k in range(len(steps)))
    return [place for place in found if place]


def _to_reference(values: Array, role: Role, label: Label) -> Array:
    laid_out = values.transpose([label.axes.index(axis) for axis in AXES[role]])
    return (
        laid_out
        if "gate" not in label.axes
        else _by_blocks(laid_out, label.gates, _of_reference(label.gates))
    )


def _from_reference(values: Array, role: Role, label: Label) -> Array:
    ordered = (
        values if "gate" not in label.axes else _by_blocks(values, _of_reference(label.gates), label.gates)
    )
    leading = ordered.ndim - len(label.axes)  # of perturbed runs
    own = [leading + AXES[role].index(axis) for axis in label.axes]
    return ordered.transpose([*range(leading), *own])


def _of_reference(gates: str) -> str:
    """These gates in the order of the reference. They need not be all four."""
    return "".join(gate for gate in GATES if gate in gates)


def _by_blocks(values: Array, before: str, after: str) -> Array:
    """The blocks along the last axis in another order. They now belong to the gates
    `before`.
    """
    if before == after:
        return values
    blocks = values.reshape(*values.shape[:-1], len(before), -1)
    return blocks[..., [before.index(gate) for gate in after], :].reshape(values.shape)
