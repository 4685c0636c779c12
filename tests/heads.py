"""The first lines of the case files that tests write."""

NAMESPACES = {"keras": "keras.layers", "torch": "torch.nn"}


def head(dialect: str, layer: str, *defaults: str) -> str:
    """A file about a layer, up to its cases: each of the defaults is a line of YAML."""
    lines = [
        "kind: cases",
        f"dialect: {dialect}",
        f"layer: {layer}",
        "about: A claim of the tests.",
        f"source: {NAMESPACES.get(dialect, dialect)}.{layer}",
    ]
    if defaults:
        lines += ["defaults:", *(f"  {line}" for line in defaults)]
    return "\n".join([*lines, "cases:\n"])


KERAS_LSTM = head("keras", "LSTM", "params: {units: 3}", "input: {batch: 4, timesteps: 7, features: 5}")
TORCH_LSTM = head(
    "torch", "LSTM", "params: {input_size: 5, hidden_size: 3}", "input: {batch: 4, timesteps: 7}"
)
