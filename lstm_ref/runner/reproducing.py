"""A case as a program of its own, with the numbers of the case and what is right."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lstm_ref
from lstm_ref.corpus import Case, load_parameters
from lstm_ref.corpus.pages import pages
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.dialects import dialect
from lstm_ref.dialects.reproduction import CannotReproduce, Refusal, Right, Shown, program, writes
from lstm_ref.implementations import discover
from lstm_ref.oracle.errors import CannotJudge
from lstm_ref.oracle.expectation import Expected, expect, with_cotangents_of
from lstm_ref.oracle.materialize import cast, is_of_documentation, materialize
from lstm_ref.oracle.policies import POLICIES
from lstm_ref.oracle.twin import YIELDING, run_twin
from lstm_ref.protocol import Implementation, Request
from lstm_ref.runner.launching import installed, launch

__all__ = ["CannotReproduce", "Made", "reproduced", "run_alone"]


@dataclass(frozen=True)
class Made:
    """A program, and the implementation that it is about."""

    text: str
    implementation: Implementation


def reproduced(case: Case, name: str | None, dtype: str | None, seed: int, gradients: bool) -> Made:
    """The program for a case on an implementation, by default the first installed one
    that runs it.

    Raises CannotReproduce where only the suite can show the case.
    """
    known = _implementation(case, name)
    dtype = dtype or case.dtypes[0]
    if dtype not in POLICIES:
        raise CannotReproduce(f"there is no dtype {dtype}, only {', '.join(POLICIES)}")
    if is_of_documentation(case):
        raise CannotReproduce("the case runs no layer")
    try:
        told, expected, request = _right(case, known, dtype, seed, gradients)
        cast(request, dtype, known.name)  # the numbers have to exist in this dtype
    except CannotJudge as error:
        raise CannotReproduce(str(error)) from error
    request = replace(request, params=_telling(request.params, case))
    text = program(writes(case.dialect, known.name, dtype), request, told, expected)
    return Made(text, known)


def _right(
    case: Case, known: Implementation, dtype: str, seed: int, gradients: bool
) -> tuple[list[str], Sequence[Shown] | Refusal, Request]:
    """What the program says of itself, what has to come out, and of which request."""
    told = [
        f"{case.id} on {known.name} in {dtype} (lstm-ref {lstm_ref.__version__})",
        case.about,
        *(
            address if name == address else f"{name}: {address}"
            for name, address in pages(case, load_parameters()).items()
        ),
    ]
    material = materialize(case, seed, known.version)
    if case.expect is not None:
        *before, _ = material.request.steps
        if any(step.action in (*YIELDING, "train") for step in before):
            raise CannotReproduce("only the last of several calls is refused, which is not written yet")
        return told, Refusal(case.expect.raises, case.expect.match), material.request
    language = dialect(case.dialect, known.version)
    made = run_twin(language, material.request)
    if not material.request.weights:
        raise CannotReproduce("the layer keeps the weights that it draws")
    if any(call.draws for call in made):
        raise CannotReproduce("the framework draws masks that a program of its own cannot know")
    if gradients and not known.differentiable:
        raise CannotReproduce(f"{known.name} does not differentiate; leave out --gradients")
    if gradients:
        material = with_cotangents_of(made, material)
    given = material.request.weights
    found = expect(case.id, language, material, (dtype,))
    shown = [
        Shown(
            tuple(_as_right(array, dtype) for array in call.outputs),
            tuple(_as_right(array, dtype) for array in call.gradients if array.name in given),
        )
        for call in found.calls
    ]
    if case.relation is not None:
        told.append("(The case compares two runs; this is the first.)")
    return told, shown, found.request if gradients else material.request


def _telling(params: Mapping[str, Any], case: Case) -> dict[str, Any]:
    """The parameters without those that have their documented default."""
    documented = load_parameters()[case.dialect].layers[case.layer].constructor
    return {
        name: value
        for name, value in params.items()
        if name not in documented
        or documented[name].required
        or value_text(value) != value_text(documented[name].default)
    }


def _as_right(array: Expected, dtype: str) -> Right:
    bounds = array.bounds[dtype]
    return Right(array.name, array.values, float(bounds.max(initial=0.0)))


def _implementation(case: Case, name: str | None) -> Implementation:
    known = discover()
    name = name.partition("@")[0] if name else None  # a label names a column, no implementation
    if name is not None and name not in known:
        raise CannotReproduce(f"there is no implementation {name}, only {', '.join(known)}")
    fitting = [
        each
        for each in sorted(known.values(), key=lambda each: each.on_request)
        if each.dialect == case.dialect and (not case.versions or each.version in case.versions)
    ]
    if name is not None:
        if known[name] not in fitting:
            raise CannotReproduce(f"{name} does not run {case.id}")
        return known[name]
    if not fitting:
        raise CannotReproduce(f"no implementation runs {case.id}")
    return next((each for each in fitting if installed(each)), fitting[0])


def run_alone(made: Made) -> int:
    """Run the program as somebody else would, with the framework's usual settings of
    this suite, and return its exit code.
    """
    environment = {**os.environ, **launch(made.implementation.host).environment}
    with tempfile.TemporaryDirectory(prefix="lstm-ref-") as folder:
        file = Path(folder, "repro.py")
        file.write_text(made.text, encoding="utf-8")
        command: Sequence[str] = (sys.executable, str(file))
        return min(subprocess.run(command, cwd=folder, env=environment, check=False).returncode & 0xFF, 1)
