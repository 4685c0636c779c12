"""What a dtype, or a mixed dtype policy, means. It says in which dtype a layer
computes, and in which it keeps its weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """The dtype of inputs, outputs and arithmetic, and that of the weights and their
    gradients.
    """

    compute: str
    weights: str


# The mixed policies keep weights wider than what is computed with them.
POLICIES: Mapping[str, Policy] = {
    "float64": Policy("float64", "float64"),
    "float32": Policy("float32", "float32"),
    "bfloat16": Policy("bfloat16", "bfloat16"),
    "float16": Policy("float16", "float16"),
    "mixed_bfloat16": Policy("bfloat16", "float32"),
    "mixed_float16": Policy("float16", "float32"),
}

# The dtype in which matrix products add up, by the dtype in which the layer computes.
# An implementation may declare another one.
ACCUMULATION: Mapping[str, str] = {
    "float64": "float64",
    "float32": "float32",
    "bfloat16": "float32",
    "float16": "float32",
}
