"""PyTorch's `torch.nn`, called eagerly on the CPU."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from functools import partial
from importlib import import_module
from io import BytesIO
from pickle import dumps, loads
from typing import Any

import numpy as np

from lstm_ref.protocol.adapter import Arguments, Gradients, Host, Implementation, TwiceDifferentiate
from lstm_ref.protocol.errors import NotOffered, UnknownAction, UnknownLayer, WeightMismatch
from lstm_ref.protocol.trace import Request, Tensor

HOST = Host(
    subject="torch",
    requires=("torch",),
    extra="torch",
    environment={
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
        # In the subject's own folder: what torch.compile made for another processor, or
        # by another installation, gives errors and wrong numbers (2.13).
        "TORCHINDUCTOR_CACHE_DIR": "torchinductor",
    },
    lowest={
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
)

ACCUMULATION = {"float64": "float64", "float32": "float32", "float16": "float32", "bfloat16": "float32"}

# oneDNN computes in half precision only where the processor has instructions for it.
# Under autocast PyTorch gives it half precisions even without them (2.13). Otherwise
# PyTorch's own kernels compute there.
RELIES_ON = {
    "bfloat16": "onednn_bf16",
    "mixed_bfloat16": "onednn_bf16",
    "float16": "onednn_f16",
    "mixed_float16": "onednn_f16",
}

# The mixed policies are PyTorch's autocast: weights in float32, and these dtypes
# inside.
AUTOCAST = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}

# Arguments that a case has beside those of the module. They say how the input is packed
# and the output padded again.
PACKING = ("lengths", "enforce_sorted", "packing", "padding", "padding_side", "padding_value", "total_length")

# The actions that freeze parameters: those whose names contain this.
FREEZING = {"freeze": "", "freeze-recurrent": "weight_hh", "freeze-first-layer": "_l0"}


class PyTorch:
    """`torch.nn` modules, eager.

    A mode of execution is a subclass that overrides `prepared`, which is what a call
    does with the module, or `constructor`.
    """

    def __init__(self) -> None:
        self.torch = import_module("torch")
        self._drawn: dict[str, Any] = {}
        self._packed_output: tuple[Any, Any] | None = None
        self._before: Any = self.torch.get_rng_state()
        self._autocast: str | None = None
        self._construct: Callable[[], Any] | None = None

    def versions(self) -> Mapping[str, str]:
        """PyTorch's version. It shows whether this is a CPU build."""
        return {"torch": str(self.torch.__version__)}

    def processor(self) -> Mapping[str, str | bool]:
        """The level of PyTorch's own kernels, and the half precisions that oneDNN
        computes in here.
        """
        of_onednn = self.torch.ops.mkldnn
        return {
            "cpu_capability": str(self.torch.backends.cpu.get_cpu_capability()),
            "onednn_bf16": bool(of_onednn._is_mkldnn_bf16_supported()),
            "onednn_f16": bool(of_onednn._is_mkldnn_fp16_supported()),
        }

    def seed(self, seed: int) -> None:
        """`torch.manual_seed`."""
        self.torch.manual_seed(seed)

    def constructor(self, request: Request) -> Callable[[], Any]:
        """`torch.nn.<layer>(**params, dtype=...)`."""
        kind = getattr(self.torch.nn, request.layer, None)
        if kind is None:
            raise UnknownLayer(request.layer, "torch.nn")
        self._autocast = AUTOCAST.get(request.dtype)
        self._construct = partial(
            kind, **request.params, dtype=getattr(self.torch, "float32" if self._autocast else request.dtype)
        )
        return self._construct

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy each parameter in place: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`,
        ...
        """
        parameters = dict(layer.named_parameters())
        expected = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
        given = {name: tensor.values.shape for name, tensor in weights.items()}
        if expected != given:
            raise WeightMismatch(expected, given)
        with self.torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(self.tensor(weights[name]))

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """The parameters by name. Under a parametrization they have the values with
        which the module computes.
        """
        return {name: getattr(layer, name) for name in names(layer)}

    def tensor(self, value: Tensor) -> Any:
        """A `torch.Tensor` of its own memory; bfloat16 comes as float32."""
        return self.torch.from_numpy(np.array(value.values)).to(getattr(self.torch, value.dtype))

    def read(self, tensor: Any) -> Tensor:
        """A copy of the values, so that a later step cannot change them."""
        dtype = str(tensor.dtype).removeprefix("torch.")
        held = tensor.detach().to(self.torch.float32) if dtype == "bfloat16" else tensor.detach()
        return Tensor(dtype, np.array(held.numpy()))

    def prepared(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Callable[..., Any]:
        """A function that takes `input`, a tensor or a packed sequence, and the other
        arguments of the module by name. Here it is the module itself.
        """
        return layer  # type: ignore[no-any-return]

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`layer(input=..., hx=(h_0, c_0))`; the documentation calls for a tuple.

        `training` is the module's mode, that of a new module where it is absent. With
        `lengths` the input is packed and the output padded again, as the documentation
        of `torch.nn.utils.rnn` shows it.
        """
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()
        }
        layer.train(options.pop("training", True))
        how = {name: options.pop(name) for name in PACKING if name in options}
        input = options.pop("input")
        self._drawn = {}
        self._packed_output = None

        def call() -> Any:
            x, others = self._cast(input), {name: self._cast(value) for name, value in options.items()}
            given = self._packed(layer, x, how) if how else x
            module = self.prepared(layer, given, others)
            self._before = self.torch.get_rng_state()
            with self._autocasting():
                result = module(input=given, **others)
            self._drawn = self._replayed(layer, given, self._before)
            return self._padded(layer, result, how) if how else result

        return call

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """The leaves are copies that nobody else uses, so they can be changed to
        require gradients. A frozen parameter has no gradient.
        """
        for leaf in leaves:
            leaf.requires_grad_(True)
        parameters, result = self._recorded(layer, call)

        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            found = self.torch.autograd.grad(
                list(outputs),
                [*parameters.values(), *leaves],
                grad_outputs=list(cotangents),
                allow_unused=True,
            )
            return dict(zip(parameters, found[: len(parameters)], strict=True)), found[len(parameters) :]

        return result, differentiate

    def record_twice(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, TwiceDifferentiate]:
        """`torch.autograd.grad` with `create_graph`, and again."""
        self.torch.set_rng_state(self._before)
        parameters, result = self._recorded(layer, call)
        inputs = [*parameters.values(), *leaves]

        def differentiate(
            outputs: Sequence[Any], cotangents: Sequence[Any], direction: Gradients
        ) -> Gradients:
            along = [*(direction[0][name] for name in parameters), *direction[1]]
            gradients = self.torch.autograd.grad(
                list(outputs), inputs, grad_outputs=list(cotangents), create_graph=True
            )
            found = self.torch.autograd.grad(gradients, inputs, grad_outputs=along, allow_unused=True)
            return dict(zip(parameters, found[: len(parameters)], strict=True)), found[len(parameters) :]

        return result, differentiate

    def tangents(
        self, layer: Any, arguments: Arguments, direction: Mapping[str, Tensor]
    ) -> Callable[[], Any]:
        """Dual numbers of `torch.autograd.forward_ad`, the parameters among them by
        `functional_call`.
        """
        forward = self.torch.autograd.forward_ad

        def dual(path: str, value: Tensor) -> Any:
            tensor = self.tensor(value)
            return forward.make_dual(tensor, self.tensor(direction[path])) if path in direction else tensor

        def call() -> Any:
            self.torch.set_rng_state(self._before)
            with forward.dual_level():
                parameters = {
                    name: forward.make_dual(weight.detach(), self.tensor(direction[name]))
                    for name, weight in self.weights(layer).items()
                }
                try:
                    result = self.caller(Functional(self.torch, layer, parameters), arguments(dual))()
                except NotImplementedError as error:
                    if "forward AD" not in str(error):
                        raise
                    raise NotOffered(f"{type(error).__name__}: {error}".splitlines()[0]) from error
                return _mapped(lambda output: forward.unpack_dual(output).tangent, result)

        return call

    def _recorded(self, layer: Any, call: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
        """The parameters that are not frozen, by name, and what the call with them
        returns.
        """
        with self.torch.nn.utils.parametrize.cached():
            return {
                name: weight for name, weight in self.weights(layer).items() if weight.requires_grad
            }, call()

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        """The masks of dropout between layers (batch, timesteps, outputs), or of a
        packed input (sum of lengths, outputs), sequence by sequence: the generator is
        set back to its state before the call, and draws them again.

        If the generator does not end in the state in which the call left it, the call
        drew something else, and its masks are not known.
        """
        return self._drawn

    def effects(self, layer: Any) -> Mapping[str, Any]:
        """What the packed output of the last call says about its lengths. Modules leave
        nothing else behind.
        """
        return {} if self._packed_output is None else fields(self.torch, *self._packed_output)

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """What PyTorch documents to do with any module."""
        actions: dict[str, Callable[[Any], Any]] = {
            "pickle": lambda module: loads(dumps(module)),
            "deepcopy": deepcopy,
            "state-dict": self._through_a_file,
            "reset-parameters": self._reset,
            "functional-call": self._functional,
            "replace-parameters": self._replaced,
            "parametrize": self._parametrized,
            **{action: partial(_frozen, part=part) for action, part in FREEZING.items()},
            "tie": self._tied,
        }
        if action not in actions:
            raise UnknownAction(
                action,
                step,
                f"known are {', '.join(actions)}; torch.nn modules record no state: pass hx instead",
            )
        return partial(actions[action], layer)

    def documented(self, name: str) -> Any:
        """`torch.nn.<name>`, or `torch.nn.utils.rnn.<name>`."""
        places = (self.torch.nn, self.torch.nn.utils.rnn)
        found = next((found for place in places if (found := getattr(place, name, None)) is not None), None)
        if found is None:
            raise UnknownLayer(name, "torch.nn")
        return found

    def namespace(self) -> Mapping[str, Any]:
        """`torch` and `nn`."""
        return {"torch": self.torch, "nn": self.torch.nn}

    def release(self) -> None:
        """Modules keep nothing once they are out of use."""
        self._drawn = {}
        self._packed_output = None

    def _cast(self, value: Any) -> Any:
        """A tensor, or each tensor of a tuple, in float32 where autocast is on. The
        documentation of autocast does not ask users to cast inputs themselves.
        """
        if self._autocast is None or value is None:
            return value
        return tuple(map(self._cast, value)) if isinstance(value, tuple) else value.to(self.torch.float32)

    def _autocasting(self) -> AbstractContextManager[Any]:
        """`torch.autocast` where the request has a mixed policy."""
        return (
            nullcontext()
            if self._autocast is None
            else self.torch.autocast("cpu", getattr(self.torch, self._autocast))
        )

    def _packed(self, layer: Any, input: Any, how: Mapping[str, Any]) -> Any:
        """The input packed: by pack_padded_sequence; or, from a list of its rows cut
        off at their lengths, by pack_sequence, or by pad_sequence and
        pack_padded_sequence.
        """
        rnn = self.torch.nn.utils.rnn
        lengths = list(how["lengths"])
        if how["packing"] != "pack_padded_sequence":
            rows = input.unbind(0 if layer.batch_first else 1)
            sequences = [row[:length] for row, length in zip(rows, lengths, strict=True)]
            if how["packing"] == "pack_sequence":
                return rnn.pack_sequence(sequences, enforce_sorted=how["enforce_sorted"])
            input = rnn.pad_sequence(sequences, batch_first=layer.batch_first)
        return rnn.pack_padded_sequence(
            input, lengths, batch_first=layer.batch_first, enforce_sorted=how["enforce_sorted"]
        )

    def _padded(self, layer: Any, result: Any, how: Mapping[str, Any]) -> Any:
        """The result with its packed output padded: by pad_packed_sequence, after which
        unpad_sequence and pad_sequence may follow; or unpacked by unpack_sequence and
        padded by pad_sequence.
        """
        rnn, batch_first = self.torch.nn.utils.rnn, layer.batch_first
        packed, states = result
        options = {
            name: how[name] for name in ("padding_side", "padding_value", "total_length") if name in how
        }
        if how.get("padding") == "unpack_sequence":
            sequences = rnn.unpack_sequence(packed)
            output, lengths = (
                rnn.pad_sequence(sequences, batch_first=batch_first, **options),
                self.torch.tensor(list(map(len, sequences))),
            )
        elif how.get("padding") == "unpad_sequence":
            padded, lengths = rnn.pad_packed_sequence(packed, batch_first=batch_first)
            output = rnn.pad_sequence(
                rnn.unpad_sequence(padded, lengths, batch_first=batch_first),
                batch_first=batch_first,
                **options,
            )
        else:
            output, lengths = rnn.pad_packed_sequence(packed, batch_first=batch_first, **options)
        self._packed_output = packed, lengths
        return output, states

    def _replayed(self, layer: Any, given: Any, before: Any) -> dict[str, Any]:
        """The masks that a module draws from this state of the generator on. There are
        none if the generator does not end in the state in which the call left it.

        One draw for each layer but the last, laid out as the module does it: (T, N,
        outputs), an unbatched input as a batch of one, a packed one as its `data`.
        """
        rate, layers = getattr(layer, "dropout", 0.0), getattr(layer, "num_layers", 1)
        after = self.torch.get_rng_state()
        if (
            not layer.training
            or not rate
            or layers == 1
            or (0 < rate < 1 and self.torch.equal(before, after))
        ):
            return {}
        rnn = self.torch.nn.utils.rnn
        outputs = (2 if layer.bidirectional else 1) * (layer.proj_size or layer.hidden_size)
        packed = isinstance(given, rnn.PackedSequence)
        if packed:
            shape = [len(given.data), outputs]
        elif given.dim() == 2:
            shape = [len(given), 1, outputs]
        else:
            shape = [*(reversed(given.shape[:2]) if layer.batch_first else given.shape[:2]), outputs]
        masks = {}
        self.torch.set_rng_state(before)
        for k in range(layers - 1):
            mask = self.torch.nn.functional.dropout(self.torch.ones(shape, dtype=self.torch.float64), rate)
            masks[f"dropout[{k}]"] = (
                self.torch.cat(rnn.unpack_sequence(given._replace(data=mask)))
                if packed
                else mask.transpose(0, 1)
            )
        return masks if self.torch.equal(self.torch.get_rng_state(), after) else {}

    def _through_a_file(self, module: Any) -> Any:
        """A new module of the same kind, with the weights of this one from a file."""
        assert self._construct is not None
        file = BytesIO()
        self.torch.save(module.state_dict(), file)
        file.seek(0)
        other = self._construct()
        other.load_state_dict(self.torch.load(file, weights_only=True))
        return other

    def _functional(self, module: Any) -> Any:
        """The module called with parameters from outside. Its own parameters become
        NaN.
        """
        parameters = {
            name: self.torch.nn.Parameter(parameter.detach().clone())
            for name, parameter in module.named_parameters()
        }
        with self.torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(float("nan"))
        return Functional(self.torch, module, parameters)

    def _reset(self, module: Any) -> Any:
        """`reset_parameters` of the module. Before that, its parameters become NaN."""
        with self.torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(float("nan"))
        module.reset_parameters()
        return module

    def _replaced(self, module: Any) -> Any:
        """Each parameter replaced by a new one of the same values. The old ones become
        NaN.
        """
        for name, parameter in list(module.named_parameters()):
            setattr(module, name, self.torch.nn.Parameter(parameter.detach().clone()))
            with self.torch.no_grad():
                parameter.fill_(float("nan"))
        return module

    def _parametrized(self, module: Any) -> Any:
        """Each parameter under a parametrization: the module keeps its negative, and
        computes with the negative of that.
        """
        for name, _ in list(module.named_parameters()):
            self.torch.nn.utils.parametrize.register_parametrization(module, name, negation(self.torch))
        return module

    def _tied(self, module: Any) -> Any:
        """The parameters of each backward direction replaced by those of the forward
        one.
        """
        for name, parameter in list(module.named_parameters()):
            if not name.endswith("_reverse"):
                setattr(module, f"{name}_reverse", parameter)
        return module


class Functional:
    """A module as `torch.func.functional_call` calls it: with parameters from
    outside.
    """

    def __init__(self, torch: Any, module: Any, parameters: Mapping[str, Any]) -> None:
        self._torch = torch
        self._module = module
        self._parameters = parameters

    def __call__(self, **arguments: Any) -> Any:
        return self._torch.func.functional_call(self._module, self._parameters, kwargs=arguments)

    def __getattr__(self, name: str) -> Any:
        """Everything else as the module has it; the parameters are those from
        outside.
        """
        return self._parameters[name] if name in self._parameters else getattr(self._module, name)


def fields(torch: Any, packed: Any, lengths: Any) -> dict[str, Any]:
    """What a packed sequence says about its lengths, and the lengths with which it is
    padded. Without indices its sequences are in the order given.
    """
    order = torch.arange(len(lengths))
    into, back = (
        order if indices is None else indices for indices in (packed.sorted_indices, packed.unsorted_indices)
    )
    return {
        "lengths": lengths,
        "batch_sizes": packed.batch_sizes,
        "lengths[sorted_indices]": lengths[into],
        "sorted_indices[unsorted_indices]": into[back],
        "data.shape": torch.tensor(packed.data.shape),
    }


def _frozen(module: Any, part: str) -> Any:
    """The module with those of its parameters frozen whose names contain this."""
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and part not in name)
    return module


def _mapped(function: Callable[[Any], Any], result: Any) -> Any:
    """The result of a module, with the same nesting. Each tensor is replaced by the
    function of it.
    """
    return (
        tuple(_mapped(function, part) for part in result) if isinstance(result, tuple) else function(result)
    )


def names(layer: Any) -> list[str]:
    """The documented names of the layer's parameters, in their order, parametrized or
    not.
    """
    found = [
        name.removeprefix("parametrizations.").removesuffix(".original")
        for name, _ in layer.named_parameters()
    ]
    return list(dict.fromkeys(found))


def negation(torch: Any) -> Any:
    """The parametrization x -> -x, which is its own inverse and rounds nothing."""

    class Negation(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return -x

        def right_inverse(self, x: Any) -> Any:
            return -x

    return Negation()


IMPLEMENTATIONS = (
    Implementation(
        name="torch",
        dialect="torch",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=PyTorch,
        relies_on=RELIES_ON,
    ),
)
