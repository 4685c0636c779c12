"""`lstm-ref show`: everything that a case is."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from lstm_ref.cli.shared import FORMAT, one_case, show_json

if TYPE_CHECKING:
    from lstm_ref.corpus import Case
    from lstm_ref.corpus.divergences import Divergence
    from lstm_ref.oracle.expectation import Expectation

# Of an array with more numbers only the corners are shown.
SHOWN = 120
TAKEN, LEFT_OUT = "#", "."


@click.command()
@click.argument("case")
@click.option("--all", "everything", is_flag=True, help="Show every number of large arrays too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draw all numbers from this seed.")
@FORMAT
def show(case: str, everything: bool, seed: int, format_: str) -> None:
    """Show everything that a case is.

    Its parameters with the documented defaults, the arrays that go in, masks and
    lengths as a drawing, its steps, the outputs that the reference expects, and the
    known divergences that are about it. Nothing is run but the reference, in float64.

    \b
    lstm-ref show 'keras/structure/product[mask=gaps]'
    lstm-ref show torch/structure/product --format json
    lstm-ref show my-cases.yaml::masked
    """
    chosen = one_case(case)
    found = described(chosen, seed)
    if format_ == "json":
        show_json(found)
        return
    for line in _lines(found, everything):
        click.echo(line)


def described(case: "Case", seed: int = 0) -> dict[str, Any]:
    """Everything about a case, as plain data. Arrays are lists of numbers."""
    from lstm_ref.corpus import load_divergences, load_parameters
    from lstm_ref.corpus.pages import pages
    from lstm_ref.oracle.errors import CannotJudge
    from lstm_ref.oracle.known import known
    from lstm_ref.verdict.divergences import Divergences

    tables = load_parameters()
    unknown, expectation = "", None
    try:
        version = case.versions[0] if case.versions else ""
        expectation = known(case, ["float64"], version, gradients=False, seed=seed)
    except (CannotJudge, NotImplementedError) as error:
        unknown = str(error)
    return {
        "id": case.id,
        "file": str(case.place.file),
        "line": case.place.line,
        "about": case.about,
        "source": case.source,
        "documentation": pages(case, tables),
        "dialect": case.dialect,
        "layer": case.layer,
        "dtypes": list(case.dtypes),
        "versions": list(case.versions),
        "everyday": case.everyday,
        "values": {"grid": case.values.grid, "scale": case.values.scale, "weights": case.values.weights},
        "parameters": list(_parameters(case, tables)),
        "weights": []
        if expectation is None
        else _arrays(expectation.request.weights, expectation.labels.weights),
        "steps": list(_steps(case, expectation)),
        "relation": _relation(case),
        "must_raise": None
        if case.expect is None
        else {"raises": case.expect.raises, "match": case.expect.match},
        "not_known": unknown,
        "divergences": [_divergence(each) for each in Divergences(load_divergences(), tables).about(case)],
    }


def _parameters(case: "Case", tables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The parameters of the constructor in documented order, then those that are not
    documented.
    """
    from lstm_ref.corpus.points.ids import value_text

    constructor = tables[case.dialect].layers[case.layer].constructor
    for name, documented in constructor.items():
        if name in case.params or not documented.required:
            value = case.params.get(name, documented.default)
            is_default = not documented.required and value_text(value) == value_text(documented.default)
            yield {"name": name, "value": value, "default": is_default, "given": name in case.params}
    for name, value in case.params.items():
        if name not in constructor:
            yield {"name": name, "value": value, "default": False, "given": True}


def _arrays(tensors: Mapping[str, Any], labels: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        _array(name, tensor.values, labels[name].axes if name in labels else ())
        for name, tensor in tensors.items()
    ]


def _array(name: str, values: Any, axes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "axes": list(axes),
        "dtype": str(values.dtype),
        "shape": list(values.shape),
        "values": values.tolist() if values.dtype.kind != "c" else [str(each) for each in values.flat],
    }


def _steps(case: "Case", expectation: "Expectation | None") -> Iterator[dict[str, Any]]:
    """Each step with its arguments. A call also has its arrays and its expected
    outputs.
    """
    from lstm_ref.protocol.trace import Tensor

    calls = iter(expectation.calls if expectation is not None else ())
    last = len(case.steps) - 1
    for index, step in enumerate(case.steps):
        found: dict[str, Any] = {"action": step.action, "arguments": dict(step.arguments), "arrays": []}
        refused = step.expect or (case.expect if index == last else None)
        if refused is not None:
            found["must_raise"] = refused.raises
        if expectation is not None and index < len(expectation.request.steps):
            labels = expectation.labels.steps[index] if index < len(expectation.labels.steps) else {}
            given = expectation.request.steps[index].arguments
            flat = {
                path: tensor
                for name, value in given.items()
                for path, tensor in _tensors(value, name, Tensor)
            }
            found["arrays"] = _arrays(flat, labels)
            found["plain"] = {name: value for name, value in given.items() if name == "lengths"}
        if step.action in ("call", "weights") and refused is None and expectation is not None:
            call = next(calls, None)
            found["expected"] = (
                [] if call is None else [_array(each.name, each.values, each.axes) for each in call.outputs]
            )
        yield found


def _tensors(value: Any, path: str, kind: type) -> Iterator[tuple[str, Any]]:
    if isinstance(value, kind):
        yield path, value
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _tensors(part, f"{path}[{index}]", kind)


def _relation(case: "Case") -> dict[str, Any] | None:
    if case.relation is None:
        return None
    other = case.relation
    return {
        "dialect": other.dialect or case.dialect,
        "layer": other.layer or case.layer,
        "params": dict(other.params),
        "exact": other.exact,
        "equal": [[_term(each.left), _term(each.right)] for each in other.equal],
        "differ": [[_term(each.left), _term(each.right)] for each in other.differ],
    }


def _term(term: Any) -> str:
    return f"{term.output} at {term.at}" if term.at else str(term.output)


def _divergence(entry: "Divergence") -> dict[str, Any]:
    return {
        "implementation": entry.implementation,
        "kind": entry.kind,
        "versions": dict(entry.versions),
        "dtypes": list(entry.dtypes or ()),
        "outcomes": list(entry.outcomes),
        "reason": entry.reason,
        "link": entry.link,
        "place": str(entry.place),
    }


def _lines(found: Mapping[str, Any], everything: bool) -> Iterator[str]:
    from lstm_ref.corpus.points.ids import value_text

    yield click.style(found["id"], bold=True)
    yield from _wrapped(found["about"])
    yield f"  source   {found['source']}"
    for address in found["documentation"].values():
        yield f"           {address}"
    yield f"  file     {found['file']}:{found['line']}"
    yield f"  layer    {found['dialect']} {found['layer']}"
    versions = (
        f", version {' and '.join(found['versions'])} of the documentation" if found["versions"] else ""
    )
    yield f"  dtypes   {', '.join(found['dtypes'])}{versions}"
    if not found["everyday"]:
        yield "  run      only by name, or with lstm-ref run --full"
    yield from _title("Parameters")
    width = max((len(each["name"]) for each in found["parameters"]), default=0)
    for each in found["parameters"]:
        mark = "" if not each["default"] else "  (default)" if not each["given"] else "  (given, the default)"
        yield f"  {each['name']:{width}}  {value_text(each['value'])}{mark}"
    if found["weights"]:
        yield from _title("Weights")
        for array in found["weights"]:
            yield from _shown(array, everything)
    for index, step in enumerate(found["steps"]):
        yield from _title(f"Step {index}: {step['action']}")
        for name, value in step["arguments"].items():
            yield f"  {name}: {value_text(value)}"
        for array in step["arrays"]:
            yield from _shown(array, everything)
        if lengths := step.get("plain", {}).get("lengths"):
            yield from _bars("lengths", lengths)
        if "must_raise" in step:
            yield f"  must raise {step['must_raise']}"
        for array in step.get("expected", ()):
            yield from _shown({**array, "name": f"expected {array['name']}"}, everything)
    if found["not_known"]:
        yield from _title("Expected")
        yield from _wrapped(f"nobody knows it before a run: {found['not_known']}")
    if found["relation"]:
        yield from _title("Relation")
        other = found["relation"]
        yield f"  a second run of {other['dialect']} {other['layer']} with the same weights and numbers"
        yield f"  params {value_text(other['params'])}"
        for word in ("equal", "differ"):
            for left, right in other[word]:
                yield f"  {word}: {left} and {right}"
    if found["divergences"]:
        yield from _title("Known divergences")
        for each in found["divergences"]:
            where = ", ".join(filter(None, (*map(" ".join, each["versions"].items()), *each["dtypes"])))
            yield f"  {each['implementation']} ({each['kind']}; {where})"
            yield from _wrapped(each["reason"], "    ")


def _title(text: str) -> Iterator[str]:
    yield ""
    yield click.style(text, bold=True)


def _wrapped(text: str, indent: str = "  ") -> Iterator[str]:
    yield from textwrap.wrap(text, 108, initial_indent=indent, subsequent_indent=indent)


def _shown(array: Mapping[str, Any], everything: bool) -> Iterator[str]:
    """An array with its shape. A mask over time, and lengths, are drawings."""
    import numpy as np

    axes = ", ".join(array["axes"])
    shape = ", ".join(map(str, array["shape"]))
    yield f"  {array['name']}  {array['dtype']} ({shape}){f'  {axes}' if axes else ''}"
    values = np.array(array["values"]).reshape(array["shape"])
    if array["axes"] == ["batch", "time"] and (values.dtype == bool or array["name"] == "mask"):
        for row, taken in enumerate(values):
            yield f"    row {row}  {''.join(TAKEN if each else LEFT_OUT for each in taken)}"
        yield f"    {TAKEN} is a step that is taken, {LEFT_OUT} one that is left out; time runs to the right"
        return
    if array["name"] == "sequence_lens":
        yield from _bars("", array["values"])
        return
    limit = values.size + 1 if everything else SHOWN
    text = np.array2string(values, precision=5, suppress_small=True, threshold=limit, max_line_width=104)
    yield textwrap.indent(text, "    ")


def _bars(name: str, lengths: Sequence[Any]) -> Iterator[str]:
    if name:
        yield f"  {name}: {', '.join(map(str, lengths))}"
    for row, length in enumerate(lengths):
        if isinstance(length, int):
            yield f"    row {row}  {TAKEN * max(length, 0)}  {length}"
