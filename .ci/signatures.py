"""What the signatures of Keras were, version by version, as far as they differ from the
parameter table. Each interpreter that is named has another Keras:

python .ci/signatures.py INTERPRETER... > tests/corpus/keras-signatures.json

A test holds `since` of the table against that file, and needs no Keras.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from packaging.version import Version

from lstm_ref.corpus import load_parameters

LOOK = """\
import inspect, json, sys
import keras
layers, families = json.loads(sys.argv[1])
def arguments(function):
    found = inspect.signature(function).parameters.values()
    kept = [each for each in found if each.name not in ("self", "args", "kwargs")]
    return {each.name: repr(each.default) if each.default is not each.empty else None for each in kept}
told = {}
base = {**arguments(keras.layers.Layer.__init__), **arguments(keras.layers.RNN.__init__)}
for name in layers:
    layer = getattr(keras, name, None) or getattr(keras.layers, name)
    told[name] = arguments(layer.__init__)
    told[name + "()"] = arguments(layer.call)
told["inherited"] = base
known = {}
for module, names in families.items():
    known[module] = []
    for name in names:
        try:
            getattr(keras, module).get(name)
            known[module].append(name)
        except ValueError:
            pass
print(json.dumps([keras.__version__, told, known]))
"""
FAMILIES = {
    "activation": "activations",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}
# Made by the suite of two layers.
NO_CLASS = ("EncoderDecoder",)


def names(layers: dict[str, Any]) -> dict[str, list[str]]:
    """By module of Keras the names that the table has for its functions."""
    found: dict[str, dict[str, None]] = {module: {} for module in FAMILIES.values()}
    for layer in layers.values():
        for parameter in layer.constructor.values():
            types = parameter.type if isinstance(parameter.type, list) else [parameter.type]
            for word in types:
                if word in FAMILIES:
                    found[FAMILIES[word]] |= dict.fromkeys(v for v in parameter.values if isinstance(v, str))
    return {module: list(words) for module, words in found.items()}


def missing(layers: dict[str, Any], told: dict[str, Any], known: dict[str, list[str]]) -> Iterator[str]:
    """What the table has and this version has not."""
    for name, layer in layers.items():
        if name in NO_CLASS:
            continue
        for key, parameter in layer.constructor.items():
            if not parameter.source.startswith("tf.") and key not in {**told[name], **told["inherited"]}:
                yield f"{name}.{key}"
        for key in layer.call:
            if key not in told[f"{name}()"]:
                yield f"{name}.call.{key}"
    for module, words in names(layers).items():
        yield from (f"{module}.{word}" for word in words if word not in known[module])


def beyond(layers: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    """What this version has and the table has not."""
    for name, layer in layers.items():
        if name not in NO_CLASS:
            yield from (f"{name}.{key}" for key in told[name] if key not in layer.constructor)
            yield from (f"{name}.call.{key}" for key in told[f"{name}()"] if key not in layer.call)


def main() -> None:
    layers = load_parameters()["keras"].layers
    asked = json.dumps([[name for name in layers if name not in NO_CLASS], names(dict(layers))])
    found = []
    for interpreter in sys.argv[1:]:
        done = subprocess.run([interpreter, "-c", LOOK, asked], capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    found.sort(key=lambda each: Version(each[0]))
    without: dict[str, list[str]] = {}
    more: dict[str, list[str]] = {}
    for version, told, known in found:
        for key in missing(dict(layers), told, known):
            without.setdefault(key, []).append(version)
        for key in beyond(dict(layers), told):
            more.setdefault(key, []).append(version)
    json.dump(
        {"versions": [version for version, _, _ in found], "missing": without, "beyond": more},
        sys.stdout,
        indent=1,
    )
    print()


if __name__ == "__main__":
    main()
