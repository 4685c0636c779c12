"""Paddle's `paddle.nn`, called eagerly on the CPU."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np

from lstm_ref.protocol.adapter import Gradients, Host, Implementation
from lstm_ref.protocol.errors import UnknownAction, UnknownLayer, WeightMismatch
from lstm_ref.protocol.trace import Request, Tensor

HOST = Host(
    subject="paddle",
    requires=("paddle",),
    extra="paddle",
    environment={
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
        "GLOG_minloglevel": "3",
    },
)

ACCUMULATION = {"float64": "float64", "float32": "float32"}

LAYERS = ("LSTM", "LSTMCell")
OF_CELL = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_ho")
# The documentation of paddle.nn.LSTM has names for all but the last.
NAMED = OF_CELL[:4]


class Paddle:
    """`paddle.nn` layers, eager.

    A mode of execution is a subclass that overrides `called`.
    """

    def __init__(self) -> None:
        # What is deprecated in a version is not a result of a call.
        warnings.simplefilter("ignore")
        self.paddle = import_module("paddle")
        self._construct: Callable[[], Any] | None = None
        self._left_out: frozenset[str] = frozenset()
        self._drawn: dict[str, Any] = {}
        self._mask: Any = None
        operators = self.paddle._C_ops
        fused = operators.rnn

        def rnn(*arguments: Any) -> Any:
            """The operator of all layers. Its second result is the mask of dropout,
            which `paddle.nn.LSTM` does not return.
            """
            found = fused(*arguments)
            self._mask = found[1]
            return found

        operators.rnn = rnn

    def versions(self) -> Mapping[str, str]:
        """Paddle's version."""
        return {"paddle": str(self.paddle.__version__)}

    def seed(self, seed: int) -> None:
        """`paddle.seed`."""
        self.paddle.seed(seed)

    def constructor(self, request: Request) -> Callable[[], Any]:
        """`paddle.nn.<layer>(**params)`, in the default dtype that is asked for."""
        if request.layer not in LAYERS:
            raise UnknownLayer(request.layer, "paddle.nn")
        self.paddle.set_default_dtype(request.dtype)
        params = {name: self._value(value) for name, value in request.params.items()}
        self._left_out = frozenset(
            name.removesuffix("_attr") for name, value in params.items() if value is False
        )
        self._construct = partial(getattr(self.paddle.nn, request.layer), **params)
        return self._construct

    def _value(self, value: Any) -> Any:
        """An object for its description: a ParamAttr, or an initializer."""
        if not isinstance(value, Mapping):
            return value
        place = self.paddle if value["class_name"] == "ParamAttr" else self.paddle.nn.initializer
        config = {name: self._value(inner) for name, inner in value.get("config", {}).items()}
        return getattr(place, value["class_name"])(**config)

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy each parameter in place, cell by cell: where there is a projection, the
        names of a layer's parameters are not those of its cells.
        """
        parameters = self._parameters(layer)
        expected = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
        given = {name: tensor.values.shape for name, tensor in weights.items()}
        if expected != given:
            raise WeightMismatch(expected, given)
        for name, parameter in parameters.items():
            parameter.set_value(weights[name].values)

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """The parameters by their documented names."""
        found = self._parameters(layer)
        return {
            name: getattr(layer, name) if name.partition("_l")[0] in NAMED else parameter
            for name, parameter in found.items()
        }

    def _parameters(self, layer: Any) -> dict[str, Any]:
        """The parameters of the cells, by name. One that is left out by its attribute
        is not a parameter, though a cell has zeros in its place.
        """
        return {
            f"{own}{suffix}": getattr(cell, own)
            for suffix, cell in self._cells(layer)
            for own in OF_CELL
            if hasattr(cell, own) and own not in self._left_out
        }

    def _cells(self, layer: Any) -> Iterator[tuple[str, Any]]:
        """The cells of a layer, each with the end of its parameters' names."""
        if not hasattr(layer, "num_layers"):
            yield "", layer
            return
        for index, one in enumerate(layer):
            if hasattr(one, "cell"):
                yield f"_l{index}", one.cell
            else:
                yield f"_l{index}", one.cell_fw
                yield f"_l{index}_reverse", one.cell_bw

    def tensor(self, value: Tensor) -> Any:
        """A `paddle.Tensor` of its own memory."""
        return self.paddle.to_tensor(value.values)

    def read(self, tensor: Any) -> Tensor:
        """A copy of the values, with Paddle's word for their dtype."""
        return Tensor(str(tensor.dtype).removeprefix("paddle."), np.array(tensor.detach().numpy()))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`layer(inputs, ...)`, with a tuple of states.

        `training` is the layer's mode, that of a new layer where it is absent. The
        output of padding elements is put to 0: the documentation does not say what it
        is.
        """
        given = {
            name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()
        }
        if given.pop("training", True):
            layer.train()
        else:
            layer.eval()
        self._drawn = {}

        def call() -> Any:
            self._mask = None
            before = self.paddle.get_rng_state()
            result = self.called(layer, given)
            self._drawn = self._masks(layer, given["inputs"], before)
            lengths = given.get("sequence_length")
            return result if lengths is None else self._without_padding(layer, result, lengths)

        return call

    def called(self, layer: Any, arguments: Mapping[str, Any]) -> Any:
        """The call itself."""
        return layer(**arguments)

    def _without_padding(self, layer: Any, result: Any, lengths: Any) -> Any:
        outputs, states = result
        steps = self.paddle.arange(outputs.shape[0 if layer.time_major else 1], dtype=lengths.dtype)
        valid = steps.unsqueeze(0) < lengths.unsqueeze(1)
        valid = (valid.T if layer.time_major else valid).unsqueeze(-1)
        return self.paddle.where(valid, outputs, self.paddle.zeros_like(outputs)), states

    def _masks(self, layer: Any, inputs: Any, before: Any) -> dict[str, Any]:
        """The masks of dropout between layers (batch, timesteps, outputs).

        The operator that computes all layers draws a single mask, for all of them.
        Where there is a projection, each layer is computed by itself, and draws one for
        its input: they are drawn again from the state of the generator before the
        call.
        """
        rate, layers = getattr(layer, "dropout", 0.0), getattr(layer, "num_layers", 1)
        if not layer.training or not rate or layers == 1:
            return {}
        if self._mask is not None:
            kept = 1 / (1 - rate) if rate < 1 else 0.0
            mask = self._mask.astype("float64").transpose([1, 0, 2]) * kept
            return {f"dropout[{k}]": mask for k in range(layers - 1)}
        after = self.paddle.get_rng_state()
        self.paddle.set_rng_state(before)
        shape = [*inputs.shape[:2], layer.num_directions * layer.proj_size]
        masks = {}
        for k in range(layers - 1):
            mask = self.paddle.nn.functional.dropout(self.paddle.ones(shape, "float64"), rate)
            masks[f"dropout[{k}]"] = mask.transpose([1, 0, 2]) if layer.time_major else mask
        self.paddle.set_rng_state(after)
        return masks

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        """The masks of the last call."""
        return self._drawn

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """`paddle.grad`. The leaves are copies that nobody else uses, so they can be
        changed to have gradients. A frozen parameter has none. A cell returns h twice,
        which `paddle.grad` takes once.
        """
        for leaf in leaves:
            leaf.stop_gradient = False
        parameters = {
            name: parameter
            for name, parameter in self._parameters(layer).items()
            if not parameter.stop_gradient
        }
        result = call()

        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            once: dict[int, tuple[Any, Any]] = {}
            for output, cotangent in zip(outputs, cotangents, strict=True):
                _, before = once.get(id(output), (output, None))
                once[id(output)] = output, cotangent if before is None else before + cotangent
            of_outputs, grad_outputs = zip(*once.values(), strict=True)
            found = self.paddle.grad(
                list(of_outputs),
                [*parameters.values(), *leaves],
                grad_outputs=list(grad_outputs),
                allow_unused=True,
            )
            return dict(zip(parameters, found[: len(parameters)], strict=True)), found[len(parameters) :]

        return result, differentiate

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """What Paddle documents to do with any layer."""
        actions: dict[str, Callable[[Any], Any]] = {
            "deepcopy": deepcopy,
            "state-dict": self._through_a_file,
            "freeze": partial(self._frozen, part=""),
            "freeze-recurrent": partial(self._frozen, part="weight_hh"),
        }
        if action not in actions:
            raise UnknownAction(action, step, f"known are {', '.join(actions)}")
        return partial(actions[action], layer)

    def _frozen(self, layer: Any, part: str) -> Any:
        """The layer with those of its parameters frozen whose names contain this."""
        for name, parameter in self._parameters(layer).items():
            if part in name:
                parameter.stop_gradient = True
        return layer

    def _through_a_file(self, layer: Any) -> Any:
        """A new layer of the same kind, with the parameters of this one from a file."""
        assert self._construct is not None
        file = BytesIO()
        self.paddle.save(layer.state_dict(), file)
        file.seek(0)
        other = self._construct()
        other.set_state_dict(self.paddle.load(file))
        return other

    def documented(self, name: str) -> Any:
        """`paddle.nn.<name>`."""
        found = getattr(self.paddle.nn, name, None)
        if found is None:
            raise UnknownLayer(name, "paddle.nn")
        return found

    def namespace(self) -> Mapping[str, Any]:
        """`paddle`."""
        return {"paddle": self.paddle}

    def release(self) -> None:
        """Layers keep nothing once they are out of use."""
        self._drawn = {}
        self._mask = None


class WithoutGradients(Paddle):
    """`paddle.nn` layers as they are used for inference, under `paddle.no_grad`."""

    def called(self, layer: Any, arguments: Mapping[str, Any]) -> Any:
        """The call under `paddle.no_grad`."""
        with self.paddle.no_grad():
            return layer(**arguments)


mode = partial(Implementation, dialect="paddle", host=HOST, accumulation=ACCUMULATION, on_request=True)

IMPLEMENTATIONS = (
    mode(name="paddle", adapter=Paddle),
    mode(name="paddle-no-grad", adapter=WithoutGradients, differentiable=False),
)
