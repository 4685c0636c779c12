"""What the judge asks of an implementation, and what it gets back: values, no
behaviour.

NumPy is the only requirement, so that an adapter runs under any interpreter that has
NumPy and its framework.

A request is one layer, its weights and a list of steps. A trace is everything that
running it produced, or the error that ended it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Tensor:
    """An array together with the dtype that its owner gave it.

    `dtype` is the owner's own word ("float64", "float32", "float16", "bfloat16",
    "bool", "int64", ...). NumPy has no bfloat16: such values are held as float32, which
    holds them exactly.
    """

    dtype: str
    values: Array

    @property
    def numbers(self) -> Array:
        """The values in float64. A number with an imaginary part becomes NaN."""
        if self.values.dtype.kind != "c":
            return self.values.astype(np.float64)
        real: Array = np.where(self.values.imag == 0, self.values.real, np.nan).astype(np.float64)
        return real


@dataclass(frozen=True)
class PreviousOutputs:
    """An argument that is a list of outputs of the call before, at these positions.
    PreviousOutputs inside it are lists inside the list.
    """

    outputs: tuple["int | PreviousOutputs", ...]


@dataclass(frozen=True)
class Step:
    """One action on the layer.

    "call" has `arguments` by their documented names; a value is a Tensor, a list of
    such values, what the call before returned, or plain JSON data.

    With `cotangents` the call's gradients are wanted. There is one Tensor for each
    returned array, in the order of the layer. The gradients are those of the inner
    product of outputs and cotangents, plus the losses that the layer adds. A state that
    the layer carries over from an earlier call is a constant there.

    With a `direction`, one Tensor for each weight by name and each floating-point
    argument by path, the `derivatives` along it are wanted too: "forward-mode" those of
    the outputs, "second-order" those of the gradients.

    "weights" reads all weights. "signature" reads that of the class or function with
    the `name` among the arguments. "example" runs `code`, or the `block` of code with
    that number in the docstring of the name `docstring`. A request of these two alone
    needs no layer, and constructs none.

    Every other action changes the layer, or puts another one in its place, and yields
    nothing:

    "reset" (forget the recorded states), "train" (with the arguments of a call,
    `targets`, `epochs`, `learning_rate`), "save-and-load", "from-config",
    "functional-model", "pickle", "deepcopy", "state-dict", "reset-parameters",
    "functional-call", "replace-parameters", "parametrize", "freeze",
    "freeze-recurrent", "freeze-first-layer", "tie".

    A step that is to be `refused` has to raise. The layer takes the next step all the
    same.
    """

    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    cotangents: tuple[Tensor, ...] | None = None
    refused: bool = False
    direction: Mapping[str, Tensor] = field(default_factory=dict)
    derivatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A layer of a dialect, its weights by their documented names, and the steps to
    take with it.

    `params` are the constructor's arguments by name, without the dtype; a value may be
    a nested layer, {"layer": ..., "params": ...}, or a function, {"callable": name}.
    `dtype` is the dtype to compute in; weights and arguments are given in it. Without
    `weights` the layer keeps its initial ones. `seed` makes repeatable whatever the
    framework draws.
    """

    implementation: str
    layer: str
    params: Mapping[str, Any]
    dtype: str
    weights: Mapping[str, Tensor]
    steps: tuple[Step, ...]
    seed: int = 0


@dataclass(frozen=True)
class Call:
    """What one call returned, or the weights that were read.

    `structure` shows how the arrays were nested, a star for each: "*", "(*, *, *)",
    "[*, *, *]", "(*, (*, *))"; `outputs` are those arrays in order. `gradients` are
    keyed by weight name or argument path ("sequences", "initial_state[0]", "hx[1]");
    None is a gradient that the framework says does not exist.

    `changed` names the arguments that the call modified in place. `tangents` are the
    derivatives of the outputs along the step's direction, and `curvatures` those of the
    gradients: Hessian-vector products, keyed like these.

    `drawn` are the random masks of the call by name, as they were multiplied in:
    "dropout" and "recurrent_dropout" of a Keras layer (gates, batch, timesteps,
    features or units), of length 1 along each axis that shares a mask; "dropout[0]",
    ... of a PyTorch module (batch, timesteps, outputs).

    `effects` are what it left behind beside its result: "losses" of a Keras layer, in
    their order; what a packed sequence of PyTorch says of its lengths. An epoch of a
    training that drew masks is a call that returned nothing: "()".

    A step "signature" or "example" is a call that returned nothing as well, and left
    plain `facts`: "signature" is the default of each argument or "required", in order,
    "printed" the lines that an example printed.
    """

    structure: str
    outputs: tuple[Tensor, ...]
    gradients: Mapping[str, Tensor | None] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    drawn: Mapping[str, Tensor] = field(default_factory=dict)
    effects: Mapping[str, Tensor] = field(default_factory=dict)
    tangents: tuple[Tensor | None, ...] = ()
    curvatures: Mapping[str, Tensor | None] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Raised:
    """An exception of the framework: its class names from the class itself up to
    Exception, its message, and where.

    `step` is the index of the step that raised, or None where building the layer did.
    """

    types: tuple[str, ...]
    message: str
    step: int | None
    traceback: str


@dataclass(frozen=True)
class Trace:
    """Everything one request produced: in order its calls, but for those that were to
    be refused, readings of weights, and epochs that drew masks; the exception that
    ended it early if one did, the processor seconds it took, and the exceptions of the
    steps that were to be refused.
    """

    calls: tuple[Call, ...]
    raised: Raised | None
    seconds: float
    refusals: tuple[Raised, ...] = ()
