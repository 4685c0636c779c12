"""The subject's side of the protocol: read a request, run it, answer, until told to
stop.
"""

import faulthandler
import gc
import os
import platform
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import numpy as np

from lstm_ref.protocol.adapter import (
    Acting,
    Adapter,
    Affecting,
    Differentiating,
    Directional,
    Drawing,
    Implementation,
    KnowsProcessor,
    Readable,
    Refusing,
    Releasing,
    Training,
)
from lstm_ref.protocol.errors import IncompleteAdapter, NotOffered, WireError
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.steps import run
from lstm_ref.protocol.wire import PROTOCOL, Json, dump, parse, request_from_json, trace_to_json

# Frameworks keep something of every layer (Keras 3.15: 0.14 MB). It is freed after this
# number of requests.
RUNS_BETWEEN_RELEASES = 100

REQUIRED = ("versions", "constructor", "set_weights", "tensor", "read", "caller")


def serve(implementations: Sequence[Implementation]) -> None:
    """Host the implementations on this process's standard input and output until bye or
    end of input. All of them live in one host.
    """
    faulthandler.enable()
    requests, answers = _own_streams()
    adapters = {implementation.name: _complete(implementation) for implementation in implementations}
    _send(answers, _hello(implementations, adapters))
    for runs, line in enumerate(requests, start=1):
        message = parse(line)
        if message["message"] == "bye":
            _send(answers, {"message": "bye"})
            return
        _send(answers, _answer(adapters, message))
        # Now the framework is imported as a whole. Without this, garbage collection
        # would look through TensorFlow's 400,000 objects again and again, which takes a
        # fifth of the time.
        if runs == 1:
            gc.collect()
            gc.freeze()
        if runs % RUNS_BETWEEN_RELEASES == 0:
            for adapter in adapters.values():
                if isinstance(adapter, Releasing):
                    adapter.release()
            gc.collect()


def _complete(implementation: Implementation) -> Adapter:
    """The adapter. Raises IncompleteAdapter where it lacks what no layer can do
    without.
    """
    adapter = implementation.adapter()
    missing = [name for name in REQUIRED if not callable(getattr(adapter, name, None))]
    if missing:
        raise IncompleteAdapter(type(adapter).__name__, missing)
    return adapter


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """The real standard input and output, for messages alone. All other code finds an
    empty input, and what it prints goes to standard error.
    """
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    return requests, answers


def _send(answers: BinaryIO, message: Json) -> None:
    answers.write(dump(message))
    answers.flush()


def _hello(implementations: Sequence[Implementation], adapters: Mapping[str, Adapter]) -> Json:
    host = implementations[0].host
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    processor: dict[str, str | bool] = {}
    for adapter in adapters.values():
        versions.update(adapter.versions())
        processor.update(adapter.processor() if isinstance(adapter, KnowsProcessor) else {})
    return {
        "message": "hello",
        "protocol": PROTOCOL,
        "subject": host.subject,
        "versions": versions,
        "environment": {
            **{name: os.environ.get(name, "") for name in host.environment},
            **{name: os.environ[name] for name in host.lowest if name in os.environ},
        },
        "processor": processor,
        "implementations": [
            introduced(implementation, adapters[implementation.name]).to_json()
            for implementation in implementations
        ],
    }


def introduced(implementation: Implementation, adapter: Adapter) -> Introduction:
    """What the implementation is and can do. It can do what it declares, as far as its
    adapter has the functions for it.
    """
    acting, readable = isinstance(adapter, Acting), isinstance(adapter, Readable)
    actions = implementation.actions
    if not acting:
        actions = ("weights",) if readable and (actions is None or "weights" in actions) else ()
    differentiates = implementation.differentiable and isinstance(adapter, Differentiating)
    masks = {"call": isinstance(adapter, Drawing), "train": isinstance(adapter, Training)}
    return Introduction(
        name=implementation.name,
        dialect=implementation.dialect,
        accumulation=implementation.accumulation,
        version=implementation.version,
        layers=implementation.layers,
        actions=actions,
        gradients=differentiates,
        derivatives=(
            ("forward-mode", "second-order")[: 1 + differentiates] if isinstance(adapter, Directional) else ()
        ),
        masks=tuple(action for action, shown in masks.items() if shown),
        effects=isinstance(adapter, Affecting),
        refusals=implementation.refusals,
        slow=implementation.covering_only,
        lifetime=implementation.lifetime,
        relies_on=implementation.relies_on,
    )


def _answer(adapters: Mapping[str, Adapter], message: Json) -> Json:
    """The answer to a run. An exception of the adapter itself becomes part of the
    answer, so that the subject is alive for the next run.
    """
    try:
        request = request_from_json(message["request"])
        if request.implementation not in adapters:
            raise WireError(f"this subject hosts {', '.join(adapters)}, not {request.implementation!r}")
        adapter = adapters[request.implementation]
        reason = adapter.unsupported(request) if isinstance(adapter, Refusing) else None
        if reason is not None:
            return {"message": "unsupported", "id": message["id"], "reason": reason}
        return {"message": "trace", "id": message["id"], "trace": trace_to_json(run(adapter, request))}
    except NotOffered as error:
        return {"message": "unsupported", "id": message["id"], "reason": str(error)}
    except Exception:
        return {"message": "broken", "id": message["id"], "traceback": traceback.format_exc()}
