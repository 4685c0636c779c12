"""A point of the corpus as a case file of its own."""

from collections.abc import Mapping
from typing import Any

import yaml

from lstm_ref.corpus.case import ABSENT, SIZED, Case, CaseStep, ExpectedError, Input, Relation, Term, Values
from lstm_ref.corpus.meaning.literals import Printed
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.points.matrix import OTHER, split
from lstm_ref.corpus.read.documents import plain_value
from lstm_ref.corpus.read.models.cases import Defaults

_TAGS = {str: "str", int: "int", float: "float", bool: "bool", type(None): "null"}


class _Dumper(yaml.SafeDumper):
    """Writes what `documents` reads: no tags or aliases, and quotes where a string
    would be taken for something else.
    """

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return f"tag:yaml.org,2002:{_TAGS[type(plain_value(value))]}"
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


class _Flow(dict[str, Any]):
    """A mapping that is written in one line."""


class _FlowList(list[Any]):
    """A list that is written in one line."""


_Dumper.add_representer(
    _Flow, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)
_Dumper.add_representer(
    _FlowList, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)
_Dumper.add_representer(
    Printed, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", number.text)
)


def as_yaml(case: Case) -> str:
    """A whole case file with this point only, in YAML.

    Loaded again it is an equal case, but for its place, and that no run leaves it out;
    saved under the same name in the same folder it has the same id, and so the same
    numbers. Files that it names are looked for beside it.
    """
    axes = {axis: split(axis) for axis in case.axes}
    entry: dict[str, Any] = {"name": case.name}
    entry["params"] = _Flow(
        {
            name: value
            for name, value in case.params.items()
            if ("params", name) not in axes.values() and name not in case.undocumented
        }
    )
    entry["undocumented"] = _Flow({name: case.params[name] for name in case.undocumented})
    calls = [step for step in case.steps if step.action in SIZED]
    common = _common([_size(step.input) for step in calls])
    entry["input"] = _Flow(
        {word: size for word, size in common.items() if ("input", word) not in axes.values()}
    )
    entry["values"] = _Flow(_values(case.values, axes))
    if case.literals is not None:
        entry["numbers"] = _Flow(case.literals.written)
    on_axes = {
        name: value
        for axis, value in case.axes.items()
        for group, name in [axes[axis]]
        if group == "call" and value != ABSENT
    }
    if len(case.steps) == 1:  # it can only be a call
        entry["call"] = _call(case.steps[0], common, on_axes)
    else:
        entry["steps"] = [_step(step, common, on_axes) for step in case.steps]
    entry["matrix"] = {axis: _FlowList([value]) for axis, value in case.axes.items()}
    if case.relation:
        inherited = case.steps[0].arguments if "call" in entry else on_axes
        entry["relation"] = _relation(case, case.relation, common, inherited)
    if case.expect:
        entry["expect"] = _expect(case.expect)
    if case.derivatives:
        (entry["derivatives"],) = case.derivatives
    if list(case.dtypes) != Defaults().dtypes:
        entry["dtypes"] = _FlowList(case.dtypes)
    entry["versions"] = _FlowList(case.versions)
    file = {
        "kind": "cases",
        "dialect": case.dialect,
        "layer": case.layer,
        "about": case.about,
        "source": case.source,
        "cases": [{key: value for key, value in entry.items() if value not in ({}, [])}],
    }
    return dumped(file)


def dumped(file: Mapping[str, Any]) -> str:
    """The content of a file in YAML, as `documents` reads it."""
    return str(yaml.dump(dict(file), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=150))


def _size(size: Input) -> dict[str, Any]:
    words = {
        word: getattr(size, word)
        for word in ("batch", "timesteps", "features", "form")
        if getattr(size, word) is not None
    }
    if size.timestep is not None:  # the timesteps are those of the case's first input
        words.pop("timesteps", None)
    return words if size.shape is None else {"shape": list(size.shape)}


def _common(sizes: list[dict[str, Any]]) -> dict[str, Any]:
    """What all calls agree on; nothing where a whole shape stands beside words."""
    first, *others = sizes
    if any(("shape" in other) != ("shape" in first) for other in others):
        return {}
    return {word: value for word, value in first.items() if all(other.get(word) == value for other in others)}


def _values(values: Values, axes: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    written = vars(values)
    default = Values()
    return {
        name: value
        for name, value in written.items()
        if value != getattr(default, name) and ("values", name) not in axes.values()
    }


def _step(step: CaseStep, common: Mapping[str, Any], inherited: Mapping[str, Any]) -> Any:
    if step.action not in SIZED:
        return step.action
    written = {step.action: _call(step, common, inherited)}
    return written if step.expect is None else {**written, "expect": _expect(step.expect)}


def _expect(expected: ExpectedError) -> _Flow:
    return _Flow(raises=expected.raises, **({} if expected.match is None else {"match": expected.match}))


def _call(step: CaseStep, common: Mapping[str, Any], inherited: Mapping[str, Any]) -> _Flow:
    """What the call says itself, where calls inherit this size and these arguments."""
    arguments = {
        name: value
        for name, value in step.arguments.items()
        if name not in inherited or value != inherited[name]
    }
    absent = {name: ABSENT for name in inherited if name not in step.arguments}
    size = _size(step.input)
    own = {word: value for word, value in size.items() if word not in common or value != common[word]}
    if step.input.part is not None:
        own["part"] = list(step.input.part)
    if step.input.reversed:
        own["reversed"] = True
    if step.input.timestep is not None:
        own["timestep"] = step.input.timestep
    return _Flow({**arguments, **absent, **({"input": _Flow(own)} if own else {})})


def _relation(
    case: Case, relation: Relation, common: Mapping[str, Any], inherited: Mapping[str, Any]
) -> dict[str, Any]:
    on_axes: dict[str, dict[str, Any]] = {OTHER + group: {} for group in ("params", "call", "input")}
    for axis, value in case.axes.items():
        group, name = split(axis)
        if group in on_axes:
            on_axes[group][name] = value
    other: dict[str, Any] = {
        word: getattr(relation, word) for word in ("dialect", "layer", "weights") if getattr(relation, word)
    }
    elsewhere = bool(relation.dialect or relation.layer)
    known = on_axes[OTHER + "params"] if elsewhere else {**case.params, **on_axes[OTHER + "params"]}
    params = {
        name: value
        for name, value in relation.params.items()
        if name not in known or not _same(value, known[name])
    }
    if params:
        other["params"] = _Flow(params)
    if elsewhere or relation.steps != case.steps:
        sizes, arguments = ({} if elsewhere else common), ({} if elsewhere else inherited)
        arguments = {
            name: value for name, value in {**arguments, **on_axes[OTHER + "call"]}.items() if value != ABSENT
        }
        other["steps"] = [
            _step(step, {**sizes, **on_axes[OTHER + "input"]}, arguments) for step in relation.steps
        ]
    written: dict[str, Any] = {"other": other or _Flow()}
    if relation.equal:
        written["equal"] = [_Flow(left=_term(pair.left), right=_term(pair.right)) for pair in relation.equal]
    return {**written, **({"exact": True} if relation.exact else {})}


def _same(value: Any, other: Any) -> bool:
    return value_text(value) == value_text(other)


def _term(term: Term) -> Any:
    return term.output if term.at is None else _Flow(output=term.output, at=term.at)
