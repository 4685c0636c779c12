"""What can be done with a layer beside calling it."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lstm_ref.implementations._keras.arguments import plain, split
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import EncoderDecoder, LiveLayer, parts
from lstm_ref.implementations._keras.masks import forget_masks, masks_of
from lstm_ref.implementations._keras.models import build, model_of, placeholders
from lstm_ref.implementations._keras.modes import Mode, live_layer
from lstm_ref.implementations._keras.weights import copies, set_weights
from lstm_ref.protocol.errors import NotOffered, UnknownAction

# Arguments that a step "train" has in addition to those of a call.
OF_TRAINING = ("targets", "epochs", "learning_rate")

RATES = ("dropout", "recurrent_dropout")


def actor(
    at: Framework, mode: Mode, live: LiveLayer, action: str, step: int, arguments: Mapping[str, Any]
) -> Callable[[], Any]:
    """`reset`, `train`, `save-and-load`, `from-config`, `functional-model`."""
    actions: dict[str, Callable[[], LiveLayer]] = {
        "reset": lambda: _reset(at, live),
        "train": lambda: _train(at, live, arguments),
        "save-and-load": lambda: _save_and_load(at, mode, live),
        "from-config": lambda: _from_config(at, mode, live),
        "functional-model": lambda: _functional_model(live),
    }
    if action not in actions:
        raise UnknownAction(action, step, f"known are {', '.join(actions)}")
    if action == "reset" and not any(hasattr(part, "stateful") for _, part in parts(live.layer)):
        raise UnknownAction(action, step, "but the layer records no states")
    if (
        action in ("train", "save-and-load")
        and hasattr(live.layer, "state_size")
        and not hasattr(live.layer, "cell")
    ):
        raise UnknownAction(action, step, "but a cell is not a layer over time; put it into an RNN")
    return actions[action]


def _reset(at: Framework, live: LiveLayer) -> LiveLayer:
    for layer in (
        (live.layer.encoder, live.layer.decoder) if isinstance(live.layer, EncoderDecoder) else (live.layer,)
    ):
        at.generation.reset(layer)
    return live


def _train(at: Framework, live: LiveLayer, arguments: Mapping[str, Any]) -> LiveLayer:
    """`fit` on all rows at once. It computes the loss and casts its inputs in floatx,
    so floatx has to be the layer's dtype. A layer with dropout is trained eagerly,
    because its masks cannot be read otherwise.
    """
    inputs, others = split({name: value for name, value in arguments.items() if name not in OF_TRAINING})
    live.inputs = [(tuple(each.shape), at.backend.dtype(each)) for each in inputs]
    # The first to ask for the policy of the process fixes it, with floatx as its dtype
    # (Keras 3.15): asked here, it is the one that users have.
    at.keras.mixed_precision.global_policy()
    floatx = at.keras.backend.floatx()
    at.keras.backend.set_floatx("float32" if live.dtype.startswith("mixed_") else live.dtype)
    try:
        model, given = model_of(at, live, inputs, others, plain(others))
        if isinstance(model.output, (list, tuple)):
            model = at.keras.Model(model.inputs, model.output[0])
        drops = others.get("training", True) and any(
            getattr(part, rate, 0) for _, part in parts(live.layer) for rate in RATES
        )
        if drops and not at.backend.trains_eagerly:
            raise NotOffered("this backend compiles a training, and shows no masks of it")
        drawn: list[Mapping[str, Any]] = []
        reader = at.keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: forget_masks(live),
            on_epoch_end=lambda epoch, logs: drawn.append(masks_of(at, live)),
        )
        model.compile(
            optimizer=at.keras.optimizers.SGD(arguments["learning_rate"]), loss="mse", run_eagerly=drops
        )
        rows = int(inputs[0].shape[0])
        values = [at.backend.values(each) for each in given]
        model.fit(
            values if len(values) > 1 else values[0],
            at.backend.values(arguments["targets"]),
            batch_size=rows,
            epochs=arguments["epochs"],
            shuffle=False,
            verbose=0,
            callbacks=[reader] if drops else [],
        )
        live.epochs = drawn
    finally:
        at.keras.backend.set_floatx(floatx)
    return live


def _save_and_load(at: Framework, mode: Mode, live: LiveLayer) -> LiveLayer:
    """As a `.keras` file, in which a layer is part of a functional model."""
    whole = isinstance(live.layer, (EncoderDecoder, at.keras.Sequential))
    build(at, live)
    model = live.layer.model if isinstance(live.layer, EncoderDecoder) else live.layer
    if not whole:
        inputs = placeholders(at, live)
        model = at.keras.Model(inputs, live.layer(*inputs))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        loaded = at.keras.models.load_model(path)
    if isinstance(live.layer, EncoderDecoder):
        loaded = live.layer.around(loaded)
    return live_layer(
        at, mode, loaded if whole else loaded.get_layer(live.layer.name), live.dtype, live.functional
    )


def _from_config(at: Framework, mode: Mode, live: LiveLayer) -> LiveLayer:
    """`from_config(get_config())` and the same weights."""
    if isinstance(live.layer, EncoderDecoder):
        build(at, live)
        layer: Any = live.layer.around(at.keras.Model.from_config(live.layer.model.get_config()))
    else:
        layer = type(live.layer).from_config(live.layer.get_config())
    other = live_layer(at, mode, layer, live.dtype, live.functional)
    weights = (
        {name: at.backend.read(weight) for name, weight in copies(at, live).items()}
        if live.layer.built
        else live.weights
    )
    if weights:
        set_weights(at, other, weights)
    return other


def _functional_model(live: LiveLayer) -> LiveLayer:
    live.functional = True
    return live
