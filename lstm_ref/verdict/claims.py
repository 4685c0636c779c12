"""Claims: what a run shows about a statement, compared with what the claim asserts
about that run.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.corpus.case import Case
from lstm_ref.corpus.claim import Asserted, Claim, Weight
from lstm_ref.corpus.read.models.claims import is_shape
from lstm_ref.dialects.initial import Exactly, Orthogonal, Uniform
from lstm_ref.dialects.snippets import snippet
from lstm_ref.protocol.documentation import REQUIRED
from lstm_ref.protocol.trace import Array, Call, Trace
from lstm_ref.results.records import Claimed
from lstm_ref.verdict.chance import weight_findings
from lstm_ref.verdict.judge import COLOUR, Verdict

PUT = {
    "corrected": "the corrected statement no longer holds",
    "true": "the statement no longer holds",
    "false": "the statement is no longer refuted",
    "under-conditions": "the conditions no longer decide whether the statement holds",
}
MOST_LINES = 14  # of code that a claim shows
EXPLAINED = "what would decide it: {}"


def is_judged_by_reference(case: Case) -> bool:
    """Whether the run must return what the reference computes. For a claim, this is so
    only if it asserts it, or if it asserts a relation.
    """
    return case.claim is None or case.claim.asserted.conforms or case.relation is not None


def refuted(claim: Claim, findings: Sequence[str]) -> tuple[str, ...]:
    """The findings of a claim. The first one says which verdict is wrong now."""
    if not findings:
        return ()
    which = PUT["corrected" if claim.side == "corrected" else claim.verdict]
    return (f'the verdict "{claim.verdict}" is not confirmed: {which}: {findings[0]}', *findings[1:])


def findings(claim: Claim, trace: Trace, dtype: str) -> Iterator[str]:
    """Where a run shows something else than its claim asserts. Exceptions and relations
    are judged as in every other case.
    """
    asserted = claim.asserted
    call = trace.calls[-1] if trace.calls else None
    if asserted.example is not None:
        printed = tuple(call.facts.get("printed", ())) if call else ()
        if printed != asserted.example.prints:
            yield f"the example prints {_lines(printed)}, not {_lines(asserted.example.prints)}"
    if call is None or trace.raised is not None:
        return
    yield from _signature_findings(asserted, call.facts.get("signature", {}))
    returned = next((each for each in reversed(trace.calls) if not each.structure.startswith("{")), call)
    if asserted.returns is not None:
        wanted, found = shapes_text(asserted.returns), returned_text(returned)
        if found != wanted:
            yield f"what is returned has the shapes {found}, not {wanted}"
    if asserted.container is not None and container(returned) != asserted.container:
        yield f"what is returned is a {container(returned)}, not a {asserted.container}"
    for name, shape in asserted.masks.items():
        drawn = returned.drawn.get(name)
        if drawn is None or drawn.values.shape != shape:
            yield f"the mask {name} has shape {drawn and drawn.values.shape}, not {shape}"
    if asserted.masks and (more := sorted(returned.drawn.keys() - asserted.masks.keys())):
        yield f"the masks {', '.join(more)} are drawn as well"
    yield from _weights_findings(asserted, weights_of(trace), dtype)


def _signature_findings(asserted: Asserted, found: Mapping[str, Any]) -> Iterator[str]:
    for name, default in asserted.defaults.items():
        if name not in found:
            yield f"the signature has no argument {name}"
        elif not _same(found[name], default):
            yield f"the default of {name} is {found[name]!r}, not {default!r}"
    wanted = asserted.signature
    if wanted is not None:
        yield from (f"the signature has no argument {name}" for name in wanted if name not in found)
        yield from (f"the signature also has an argument {name}" for name in found if name not in wanted)
        for name in wanted:
            if name in found and not _same(found[name], wanted[name]):
                yield f"the default of {name} is {found[name]!r}, not {wanted[name]!r}"
        if list(found) != list(wanted) and found.keys() == wanted.keys():
            yield f"the order of the arguments is {', '.join(found)}"


def _same(found: Any, wanted: Any) -> bool:
    """Whether two defaults are the same. 0 and 0.0 are; 0 and False are not."""
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _weights_findings(asserted: Asserted, weights: Mapping[str, Array], dtype: str) -> Iterator[str]:
    for name, weight in asserted.weights.items():
        if name not in weights:
            yield f"there is no weight {name}, only {', '.join(weights)}"
        else:
            yield from _weight_findings(name, weight, weights[name], dtype)
    if asserted.parameters is not None:
        total = sum(values.size for values in weights.values())
        if total != asserted.parameters:
            yield f"the weights hold {total:,} numbers, not {asserted.parameters:,}"


def _weight_findings(name: str, weight: Weight, values: Array, dtype: str) -> Iterator[str]:
    if weight.shape is not None and values.shape != weight.shape:
        yield f"{name} has shape {values.shape}, not {weight.shape}"
    if weight.equal is not None:
        yield from weight_findings(name, Exactly(np.full(values.shape, weight.equal)), values, dtype)
    if weight.gates is not None:
        filled = np.repeat(np.array(weight.gates), values.size // len(weight.gates))
        yield from weight_findings(name, Exactly(filled), values, dtype)
    if weight.uniform is not None:
        yield from weight_findings(name, Uniform(-weight.uniform, weight.uniform), values, dtype)
    if weight.orthogonal:
        yield from weight_findings(name, Orthogonal(1.0), values, dtype)


# --- what is shown ---


def shown(case: Case, traces: Sequence[Trace], verdict: Verdict) -> Claimed:
    """The claim of a case, with the lines that show it: the code and its result."""
    assert case.claim is not None
    claim = case.claim
    return Claimed(
        claim=claim.id,
        statement=claim.statement,
        place=claim.place,
        source={"title": claim.source.title, "kind": claim.source.kind, "version": claim.source.version},
        verdict=claim.verdict,
        side=claim.side,
        says=claim.says,
        corrected=claim.corrected,
        conditions=claim.conditions,
        decided_by=claim.decided_by,
        note=claim.note,
        code=tuple(_code(case, claim.asserted)),
        seen=tuple(_seen(case, claim.asserted, traces, verdict)),
    )


def _code(case: Case, asserted: Asserted) -> Iterator[str]:
    example = asserted.example
    if example is not None and example.docstring:
        yield f"# the example of {example.docstring} in the installed documentation"
    elif example is not None:
        code = [line for line in example.code.splitlines() if line.strip() and not line.startswith("#")]
        yield from code[:MOST_LINES]
        if len(code) > MOST_LINES:
            yield f"# ... {len(code) - MOST_LINES} more lines"
    elif asserted.defaults or asserted.signature is not None:
        yield f"inspect.signature({case.layer})"
    elif case.steps:
        yield from snippet(case.dialect, case.layer, case.params, case.steps)
        if case.relation is not None and not _is_one_run(case):
            relation = case.relation
            yield "# beside it, with the same weights:"
            of = relation.dialect or case.dialect
            yield from snippet(of, relation.layer or case.layer, relation.params, relation.steps)


def _is_one_run(case: Case) -> bool:
    relation = case.relation
    same = relation is not None and (relation.params, relation.steps) == (case.params, case.steps)
    return same and relation is not None and not (relation.dialect or relation.layer or relation.weights)


def _seen(case: Case, asserted: Asserted, traces: Sequence[Trace], verdict: Verdict) -> Iterator[str]:
    trace = traces[0] if traces else Trace((), None, 0.0)
    call = trace.calls[-1] if trace.calls else None
    if asserted.example is not None and call is not None:
        yield f"prints {_lines(tuple(call.facts.get('printed', ())))}"
        if asserted.example.says is not None:
            yield f"the source says it prints {_lines(asserted.example.says)}"
        if asserted.example.adapted:
            yield f"adapted: {asserted.example.adapted}"
    if trace.raised is not None:
        message = " ".join(COLOUR.sub("", trace.raised.message).split())
        yield f"raises {trace.raised.types[0]}: {message[:200]}"
        return
    if call is None:
        return
    found = call.facts.get("signature", {})
    for name in asserted.defaults:
        yield _argument(name, found[name]) if name in found else f"{name} is not an argument"
    if asserted.signature is not None:
        yield f"({', '.join(_argument(name, default) for name, default in found.items())})"
    returned = next((each for each in reversed(trace.calls) if not each.structure.startswith("{")), call)
    if asserted.returns is not None:
        kind = f", a {container(returned)}" if asserted.container else ""
        yield f"returns {returned_text(returned)}{kind}"
    for name in asserted.masks:
        if name in returned.drawn:
            yield f"mask {name}: {returned.drawn[name].values.shape}"
    weights = weights_of(trace)
    for name, weight in asserted.weights.items():
        if name in weights:
            yield _weight_text(name, weight, weights[name])
    if asserted.parameters is not None:
        yield f"{sum(values.size for values in weights.values()):,} parameters"
    if asserted.conforms and not verdict.findings:
        yield "every number is what the reference computes" + (
            f": the largest error is {verdict.worst.error:.2g}" if verdict.worst is not None else ""
        )
    yield from verdict.seen


def _argument(name: str, default: Any) -> str:
    return name if default == REQUIRED else f"{name}={default!r}"


def _weight_text(name: str, weight: Weight, values: Array) -> str:
    if weight.gates is not None:
        blocks = np.split(values.reshape(-1), len(weight.gates))
        return f"{name}: {' | '.join(map(_span, blocks))}, one block for each gate"
    return f"{name} {values.shape}: {_span(values)}"


def _span(values: Array) -> str:
    """The one number of an array, or its smallest and largest."""
    low, high = float(values.min()), float(values.max())
    return f"{low:g}" if low == high else f"{low:.3g} to {high:.3g}"


def _lines(lines: tuple[str, ...]) -> str:
    return " / ".join(lines) if lines else "nothing"


def weights_of(trace: Trace) -> dict[str, Array]:
    """The weights at the time when the run first read them, by name."""
    read = next((call for call in trace.calls if call.structure.startswith("{")), None)
    if read is None:
        return {}
    names = read.structure.strip("{}").replace(": *", "").split(", ")
    return {name: tensor.values.astype(np.float64) for name, tensor in zip(names, read.outputs, strict=True)}


def container(call: Call) -> str:
    """The kind of container in which a call returned its results."""
    return {"(": "tuple", "[": "list"}.get(call.structure[:1], "single array")


def shapes_text(returns: Any) -> str:
    """Shapes, nested as they are asserted, in parentheses."""
    if is_shape(returns):
        return str(tuple(returns))
    return f"[{', '.join(shapes_text(part) for part in returns)}]"


def returned_text(call: Call) -> str:
    """The shapes of what a call returned, in the form of `shapes_text`. A tuple and a
    list look alike.
    """
    shapes = iter(str(tensor.values.shape) for tensor in call.outputs)
    text = call.structure.replace(",)", ")").replace("(", "[").replace(")", "]")
    return "".join(next(shapes) if character == "*" else character for character in text)
