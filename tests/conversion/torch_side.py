"""What the tests do with real PyTorch modules, in a process without Keras. A plan is
that of `keras_side`, and may have proj_size.
"""

import pickle
from typing import Any

import numpy as np
import torch
from serving import serve

from lstm_ref.conversion import Stack, from_torch, to_torch

State = dict[str, Any]


def module(plan: dict[str, Any]) -> Any:
    (units, directions), *_ = plan["layers"]
    return torch.nn.LSTM(
        plan["features"],
        units,
        len(plan["layers"]),
        bias=plan["use_bias"],
        batch_first=True,
        bidirectional=directions == 2,
        proj_size=plan.get("proj_size", 0),
        dtype=getattr(torch, plan["dtype"]),
    )


def tensor(array: Any) -> Any:
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def bits(state: Any) -> State:
    """The dtype and the bits of each tensor."""
    return {
        name: (str(each.dtype), each.contiguous().view(torch.uint8).numpy().tobytes(), tuple(each.shape))
        for name, each in state.items()
    }


def loaded(plan: dict[str, Any], state: State) -> Any:
    made = module(plan)
    made.load_state_dict({name: tensor(array) for name, array in state.items()})
    return made


def taken(plan: dict[str, Any], state: State) -> Stack:
    return from_torch(loaded(plan, state))


def put(plan: dict[str, Any], weights: Stack) -> State:
    made = module(plan)
    parameters, before = dict(made.named_parameters()), pickle.dumps(weights)
    to_torch(weights, made)
    assert pickle.dumps(weights) == before
    assert all(
        made.get_parameter(name) is parameter and parameter.requires_grad
        for name, parameter in parameters.items()
    )
    return bits(made.state_dict())


def left(plan: dict[str, Any], state: State, weights: Stack) -> State:
    """What the module holds after a conversion that was refused."""
    made = loaded(plan, state)
    try:
        to_torch(weights, made)
    except ValueError:
        return bits(made.state_dict())
    raise AssertionError("not refused")


def computed(plan: dict[str, Any], weights: Stack, x: Any) -> Any:
    made = module(plan)
    to_torch(weights, made)
    with torch.no_grad():
        return made(torch.from_numpy(x))[0].numpy()


def cell(plan: dict[str, Any], weights: Stack) -> tuple[State, Stack]:
    """The state of an LSTMCell with these weights, and what is read of it."""
    ((units, _),) = plan["layers"]
    made = torch.nn.LSTMCell(
        plan["features"], units, bias=plan["use_bias"], dtype=getattr(torch, plan["dtype"])
    )
    to_torch(weights, made)
    return bits(made.state_dict()), from_torch(made)


def from_state_dict(state: State) -> Stack:
    """From tensors of a state_dict of which nobody has the module."""
    return from_torch({name: tensor(array) for name, array in state.items()})


def tied(plan: dict[str, Any], state: State) -> Stack:
    """From a module whose two directions share the recurrent kernel."""
    made = loaded(plan, state)
    made.weight_hh_l0_reverse = made.weight_hh_l0
    return from_torch(made)


def shares_memory(plan: dict[str, Any], state: State) -> list[bool]:
    """Whether a change of the module changes what was taken, of what was taken the
    module, and of what was put the module.
    """
    made = loaded(plan, state)
    weights = from_torch(made)
    before = pickle.loads(pickle.dumps(weights))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
    changed = [
        not np.array_equal(weights[0][0].kernel, before[0][0].kernel)
        or not np.array_equal(weights[0][0].bias, before[0][0].bias)
    ]
    weights[0][0].bias[...] = 7
    changed.append(bool(torch.any(made.bias_ih_l0 != 0)))
    to_torch(weights, made)
    weights[0][0].bias[...] = 9
    changed.append(not bool(torch.all(made.bias_ih_l0 == 7)))
    return changed


def refused(name: str) -> Stack:
    """What comes of a module that cannot be converted."""
    linear = torch.nn.Linear(3, 3)
    sources = {
        "GRU": torch.nn.GRU(5, 4, num_layers=2),
        "parametrized": torch.nn.utils.parametrizations.weight_norm(torch.nn.LSTM(5, 4), "weight_ih_l0"),
        "no module": linear.forward,
    }
    return from_torch(sources[name])


def packed(weights: Stack, x: Any, lengths: list[int]) -> tuple[Any, Any]:
    """The padded output of a module with these weights on packed sequences, and h_n."""
    made = torch.nn.LSTM(x.shape[2], 3, batch_first=True, dtype=torch.float64)
    to_torch(weights, made)
    given = torch.nn.utils.rnn.pack_padded_sequence(
        torch.from_numpy(x), lengths, batch_first=True, enforce_sorted=False
    )
    output, (h_n, _) = made(given)
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])
    return padded.detach().numpy(), h_n[0].detach().numpy()


def take(name: str) -> int:
    """How many layers are found in a module."""
    lstm = torch.nn.LSTM
    sources = {
        "meta": lambda: lstm(5, 4, device="meta"),
        "two inside": lambda: torch.nn.ModuleDict({"encoder": lstm(5, 4), "decoder": lstm(5, 4)}),
        "none inside": lambda: torch.nn.ModuleDict({"linear": torch.nn.Linear(5, 4)}),
        "one inside": lambda: torch.nn.ModuleDict(
            {"linear": torch.nn.Linear(5, 4), "lstm": lstm(5, 4, num_layers=2)}
        ),
    }
    return len(from_torch(sources[name]()))


FUNCTIONS = (taken, put, left, computed, cell, from_state_dict, tied, shares_memory, refused, packed, take)
serve({function.__name__: function for function in FUNCTIONS})
