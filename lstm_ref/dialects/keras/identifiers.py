"""How Keras names an object: by its class name, by that name in snake case, or as the
serialized form {class_name, config}.

Source: keras.initializers.get, keras.regularizers.get, keras.constraints.get.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Made = TypeVar("Made")


def by_both_names(kinds: Mapping[str, Callable[..., Made]]) -> dict[str, Callable[..., Made]]:
    """Class names with what they construct, and the same under their names in snake
    case: GlorotUniform and glorot_uniform.
    """
    return {**kinds, **{snake_case(name): kind for name, kind in kinds.items()}}


def snake_case(name: str) -> str:
    """MinMaxNorm becomes min_max_norm, STFT becomes stft."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def made(what: str, kinds: Mapping[str, Callable[..., Made]], identifier: Any) -> Made:
    """The object that the identifier stands for.

    Raises ValueError for a name that is not in `kinds`, and for a value that is no
    identifier. Raises TypeError for a configuration that the class does not have.
    """
    match identifier:
        case str(name):
            config: Mapping[str, Any] = {}
        case {"class_name": str(name)}:
            config = identifier.get("config") or {}
        case _:
            raise ValueError(
                f"{identifier!r} is not a valid {what}: expected a name or {{class_name, config}}"
            )
    if name not in kinds:
        raise ValueError(f"unknown {what} {name!r}; known are {', '.join(sorted(kinds))}")
    return kinds[name](**config)
