"""One call of a layer, and the weights by which it is differentiated."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_ref.implementations._keras.arguments import by_place, plain, split
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import EncoderDecoder, LiveLayer
from lstm_ref.implementations._keras.masks import masks_of
from lstm_ref.implementations._keras.models import model_of
from lstm_ref.implementations._keras.weights import variables
from lstm_ref.protocol.adapter import Gradients
from lstm_ref.protocol.errors import AdapterError

Differentiate = Callable[[Sequence[Any], Sequence[Any]], Gradients]
# What a call returned, the masks that it drew by name, and the losses that it added.
Result = tuple[Any, dict[str, Any], list[Any]]


def run(at: Framework, live: LiveLayer, arguments: Mapping[str, Any]) -> Result:
    """One call; what comes out of it may be traced."""
    inputs, others = split(arguments)
    if live.functional and not isinstance(live.layer, EncoderDecoder):
        target, given = model_of(at, live, inputs, others)
        result = target(given, **plain(others))
    else:
        target = live.layer
        result = by_place(at, target, inputs[0] if len(inputs) == 1 else inputs, others, live.forms)
    if live.waiting:
        raise AdapterError(
            f"the layer was called without building the parts of the weights {sorted(live.waiting)}"
        )
    masks = masks_of(at, live) if others.get("training") else {}
    return result, masks, list(target.losses)


def trained(at: Framework, live: LiveLayer) -> dict[str, Any]:
    """The trainable weights by name."""
    whole = live.layer.model if isinstance(live.layer, EncoderDecoder) else live.layer
    trainable = {id(variable) for variable in whole.trainable_weights}
    return {
        name: variable for name, variable in variables(at, live.layer).items() if id(variable) in trainable
    }
