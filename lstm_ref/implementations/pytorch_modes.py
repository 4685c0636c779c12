"""PyTorch's `torch.nn` in other modes of execution. Each is an implementation of its
own.

What a mode cannot do, `unsupported` says in PyTorch's own words. If a mode computes
something wrong instead, it is judged like any other.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from importlib import import_module
from typing import Any

from lstm_ref.implementations.pytorch import ACCUMULATION, AUTOCAST, HOST, RELIES_ON, PyTorch, names
from lstm_ref.protocol.adapter import Arguments, Gradients, Implementation, TwiceDifferentiate
from lstm_ref.protocol.errors import NotOffered
from lstm_ref.protocol.trace import Request, Tensor


class Within(PyTorch):
    """Eager execution, with every call and its differentiation inside a context manager
    of PyTorch.
    """

    def __init__(self, context: Callable[[Any], AbstractContextManager[Any]]) -> None:
        super().__init__()
        self._context = partial(context, self.torch)

    def prepared(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Callable[..., Any]:
        """The module, called inside the context."""

        def within(**arguments: Any) -> Any:
            with self._context():
                return layer(**arguments)

        return within

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """As always, differentiated inside the context."""
        result, differentiate = super().record(layer, leaves, call)

        def within(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            with self._context():
                return differentiate(outputs, cotangents)

        return result, within

    def record_twice(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, TwiceDifferentiate]:
        """The same."""
        result, differentiate = super().record_twice(layer, leaves, call)

        def within(outputs: Sequence[Any], cotangents: Sequence[Any], direction: Gradients) -> Gradients:
            with self._context():
                return differentiate(outputs, cotangents, direction)

        return result, within


def without_onednn(torch: Any) -> AbstractContextManager[Any]:
    """`torch.backends.mkldnn.flags`: PyTorch's own kernels. Otherwise it uses them only
    where oneDNN has none (float64, projections, packed).
    """
    return torch.backends.mkldnn.flags(enabled=False)  # type: ignore[no-any-return]


def without_gradient(torch: Any) -> AbstractContextManager[Any]:
    """`torch.no_grad`: oneDNN then keeps nothing for a gradient, and rounds in another
    way.
    """
    return torch.no_grad()  # type: ignore[no-any-return]


@contextmanager
def with_two_threads(torch: Any) -> Iterator[None]:
    """`torch.set_num_threads(2)`."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Converted(PyTorch, ABC):
    """A mode that converts the module at its first call, with the weights that it has
    then, and calls the converted one. It is converted again after an action has changed
    the module, or when `way` differs from that of the call before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._made: tuple[Any, Any] | None = None

    @abstractmethod
    def converted(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """The converted module. It is called by keyword, like the module."""

    def way(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """What has to be equal in two calls that share a converted module: the module,
        its mode, and whether the input is packed.
        """
        return layer, layer.training, type(input)

    def prepared(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """The converted module. It is made now if there is none yet."""
        way = self.way(layer, input, options)
        if self._made is None or self._made[0] != way:
            self._made = way, self.converted(layer, input, options)
        return self._made[1]

    def tangents(
        self, layer: Any, arguments: Arguments, direction: Mapping[str, Tensor]
    ) -> Callable[[], Any]:
        """Not offered: the converted module keeps its own parameters."""
        raise NotOffered(
            "forward mode needs dual numbers for parameters, and what this mode makes of a module keeps those"
            " that it has"
        )

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """As in eager execution. The module that an action returns is not converted
        yet.
        """
        self._made = None
        return super().actor(layer, action, step, arguments)

    def release(self) -> None:
        """Forget the last module."""
        super().release()
        self._made = None


class Script(Converted):
    """`torch.jit.script` of a module around the layer: nn.LSTM itself can be scripted
    but not called then, having `forward__0` and `forward__1`.
    """

    def unsupported(self, request: Request) -> str | None:
        """Parametrized modules, and what is not a module."""
        if _acts(request, "parametrize"):
            return "torch.jit.script: Parametrization is not working with scripting."
        if _acts(request, "functional-call"):
            return (
                "torch.jit.script around torch.func.functional_call: failed to convert Python type to a"
                " TorchScript type"
            )
        return None

    def converted(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """The scripted module, which has the layer's own parameters."""
        modules = import_module("lstm_ref.implementations._scriptable")
        around = (
            modules.OfPacked
            if isinstance(input, self.torch.nn.utils.rnn.PackedSequence)
            else modules.OfTensor
        )
        return self.torch.jit.script(around(layer))

    def release(self) -> None:
        """Forget the compiled classes too, as PyTorch's own tests do. There is one for
        each set of sizes and options, of 1.4 MB in PyTorch 2.13.
        """
        super().release()
        jit = self.torch.jit
        self.torch._C._jit_clear_class_registry()
        jit._recursive.concrete_type_store = jit._recursive.ConcreteTypeStore()
        jit._state._clear_class_state()


class Export(Converted):
    """`torch.export.export(layer, (), arguments).module()`."""

    def unsupported(self, request: Request) -> str | None:
        """Packed inputs, because their lengths are data; and parameters that are not
        the module's own.
        """
        if any("lengths" in step.arguments for step in request.steps):
            return (
                "torch.export of a packed input: Could not guard on data-dependent expression (the batch"
                " sizes of a PackedSequence)"
            )
        if _acts(request, "parametrize"):
            return (
                "torch.export: the program computes parametrized weights from their originals, and has no"
                " tensor of the weight to differentiate by"
            )
        if _acts(request, "functional-call"):
            return (
                "torch.export of torch.func.functional_call: Expected `mod` to be an instance of"
                " `torch.nn.Module`"
            )
        return None

    def way(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """An exported program is only for the sizes with which it was exported."""
        return (
            *super().way(layer, input, options),
            _shapes(input),
            sorted((name, _shapes(value)) for name, value in options.items()),
        )

    def converted(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """The module of the exported program, which has the layer's own parameters."""
        return self.torch.export.export(layer, (), {"input": input, **options}).module()


class Compile(Converted):
    """`torch.compile`, as it is without options. PyTorch 2.13 leaves nn.LSTM to eager
    execution ("Dynamo does not support RNN, GRU, or LSTM"); it compiles nn.LSTMCell.
    """

    tangents = PyTorch.tangents  # it compiles functions as well as modules

    def unsupported(self, request: Request) -> str | None:
        """A cell, where there is no C++ compiler."""
        return no_compiler() if request.layer == "LSTMCell" else None

    def constructor(self, request: Request) -> Callable[[], Any]:
        """The module itself. PyTorch first forgets the modules before it, because what
        it compiles depends on what it has compiled before.
        """
        self.torch.compiler.reset()
        return super().constructor(request)

    def converted(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """The compiled module, which has the layer's own parameters."""
        return self.torch.compile(layer)


@cache
def no_compiler() -> str | None:
    """Why `torch.compile` cannot compile for this processor, or None."""
    try:
        import_module("torch._inductor.cpp_builder").get_cpp_compiler()
    except import_module("torch._inductor.exc").InvalidCxxCompiler as error:
        return f"torch.compile: {error}"
    return None


class Quantizable(Converted):
    """`torch.ao.nn.quantizable.<layer>.from_float` with no `qconfig`, so that nothing
    is observed or quantized: the LSTM of the quantization flow, written in PyTorch's
    own modules.
    """

    def unsupported(self, request: Request) -> str | None:
        """What raises an error in every call."""
        if any("lengths" in step.arguments for step in request.steps):
            return "torch.ao.nn.quantizable.LSTM: 'PackedSequence' object has no attribute 'size'"
        if request.params.get("proj_size"):
            return (
                "torch.ao.nn.quantizable.LSTM has no argument proj_size: mat1 and mat2 shapes cannot be"
                " multiplied"
            )
        if request.dtype not in ("float32", *AUTOCAST) and any(
            step.action == "call" and "hx" not in step.arguments for step in request.steps
        ):
            return (
                "torch.ao.nn.quantizable starts from zeros in float32: mat1 and mat2 must have the same"
                f" dtype, but got Float and {request.dtype}"
            )
        if _acts(request, "functional-call") or (
            request.layer == "LSTMCell" and _acts(request, "parametrize")
        ):
            return (
                f"torch.ao.nn.quantizable.{request.layer}.from_float: Expected module type"
                f" torch.nn.{request.layer}"
            )
        return None

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """The quantizable module's own parameters, copies of the layer's, by the
        layer's names for them.
        """
        parameters = dict(self.prepared(layer, None, {}).module.named_parameters())
        return {name: parameters[quantizable_name(name)] for name in names(layer)}

    def way(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """The module alone. Nothing is observed, so training mode makes no
        difference.
        """
        return layer

    def converted(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """The quantizable module."""
        modules = import_module("torch.ao.nn.quantizable")
        layer.qconfig = None
        return Renamed(
            (modules.LSTMCell if isinstance(layer, self.torch.nn.LSTMCell) else modules.LSTM).from_float(
                layer
            )
        )


class Renamed:
    """A quantizable module that takes arguments by the documented names. Its own names
    for them are `x` and `hidden`.
    """

    def __init__(self, module: Any) -> None:
        self.module = module

    def __call__(self, input: Any, hx: Any = None) -> Any:
        return self.module(input, hx)


def quantizable_name(name: str) -> str:
    """What a quantizable module calls the parameter: `weight_ih_l0_reverse` is
    `layers.0.layer_bw.cell.igates.weight`.
    """
    kind, gates, *place = name.split("_")
    own = f"{gates[0]}gates.{kind}"
    return f"layers.{place[0][1:]}.layer_{'bw' if 'reverse' in place else 'fw'}.cell.{own}" if place else own


def _acts(request: Request, action: str) -> bool:
    return any(step.action == action for step in request.steps)


def _shapes(value: Any) -> Any:
    """The shapes and dtypes in an argument, nested as it is."""
    return (
        tuple(_shapes(item) for item in value)
        if isinstance(value, (list, tuple))
        else (value.shape, value.dtype)
    )


# The modes are for full runs: on one machine they find what eager execution finds, and
# little else.
mode = partial(Implementation, dialect="torch", host=HOST, accumulation=ACCUMULATION, covering_only=True)
through_onednn = partial(mode, relies_on=RELIES_ON)

IMPLEMENTATIONS = (
    mode(name="torch-native", adapter=partial(Within, without_onednn)),
    through_onednn(name="torch-no-grad", adapter=partial(Within, without_gradient), differentiable=False),
    through_onednn(name="torch-two-threads", adapter=partial(Within, with_two_threads)),
    through_onednn(name="torch-script", adapter=Script),
    through_onednn(name="torch-export", adapter=Export),
    through_onednn(name="torch-compile", adapter=Compile),
    mode(name="torch-quantizable", adapter=Quantizable),
)
