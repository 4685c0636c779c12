"""A subject that somebody writes at midnight: it makes the mistake that its first
argument names; run as a script. NumPy is all it needs.
"""

import base64
import json
import sys
import time

import numpy as np

mistake = sys.argv[1]

HELLO = {
    "message": "hello",
    "protocol": 3,
    "subject": "clumsy",
    "versions": {"clumsy": "0.1"},
    "implementations": [
        {
            "name": "clumsy",
            "dialect": "keras",
            "accumulation": {"float32": "float32"},
            "layers": {
                "LSTM": {"params.units": True, "params.return_sequences": True, "params.return_state": True}
            },
        }
    ],
}
HELLOS = {
    "old protocol": {**HELLO, "protocol": 1},
    "no layers": {
        **HELLO,
        "implementations": [
            {key: value for key, value in HELLO["implementations"][0].items() if key != "layers"}
        ],
    },
    "unknown dialect": {**HELLO, "implementations": [{**HELLO["implementations"][0], "dialect": "kears"}]},
    "unknown parameter": {
        **HELLO,
        "implementations": [{**HELLO["implementations"][0], "layers": {"LSTM": {"params.unit": True}}}],
    },
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def array(tensor):
    return np.frombuffer(
        base64.b64decode(tensor["data"]), {"float32": "<f4", "float64": "<f8"}[tensor["dtype"]]
    ).reshape(tensor["shape"])


def sent(values):
    shape = [*values.shape, 1] if mistake == "wrong shape" else list(values.shape)
    data = values.astype("<f4").tobytes()
    return {
        "dtype": "float32",
        "shape": shape,
        "data": base64.b64encode(data[:-1] if mistake == "short array" else data).decode(),
    }


def called(request, step):
    kernel, recurrent, bias = (
        array(request["weights"][name]) for name in ("kernel", "recurrent_kernel", "bias")
    )
    x = array(step["arguments"]["sequences"]["tensor"])
    h = c = np.zeros((len(x), len(recurrent)), "f4")
    outputs = []
    for t in range(x.shape[1]):
        z = x[:, t] @ kernel + h @ recurrent + bias
        i, f, g, o = np.split(z, 4, axis=1)
        if mistake == "gates swapped":
            f, i = i, f
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    first = np.stack(outputs, 1) if request["params"].get("return_sequences") else h
    states = request["params"].get("return_state")
    return {
        "structure": "(*, *, *)" if states else "*",
        "outputs": [sent(each) for each in ([first, h, c] if states else [first])],
    }


if mistake == "silent start":
    time.sleep(60)
if mistake == "dies at once":
    sys.exit("libfoo.so: cannot open shared object file")
if mistake == "chatty start":
    print("Loading model ...")
hello = json.dumps(HELLOS.get(mistake, HELLO))
if mistake == "unended hello":
    sys.stdout.write(hello)
    sys.stdout.flush()
    time.sleep(60)
print(hello, flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message["message"] == "bye":
        break
    if mistake == "dies":
        sys.exit("Segmentation fault, so to speak")
    if mistake == "silent":
        time.sleep(60)
    if mistake == "chatty":
        print("computing", flush=True)
    request = message["request"]
    number = message["id"] + (mistake == "wrong id")
    trace = {"calls": [called(request, step) for step in request["steps"]]}
    print(json.dumps({"message": "trace", "id": number, "trace": trace}), flush=True)
