"""The JSON Schema of all case files, for editors: made from the models and from the
parameter tables.

    python -m lstm_ref.corpus.schema            write cases/schema.json
    python -m lstm_ref.corpus.schema --check    say whether it is current
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_ref.corpus.case import SIZED
from lstm_ref.corpus.errors import CorpusError
from lstm_ref.corpus.loading import corpus_root, load_parameters
from lstm_ref.corpus.meaning.types import families, schema_of
from lstm_ref.corpus.points.matrix import OTHER
from lstm_ref.corpus.read.models import KINDS
from lstm_ref.corpus.read.models.base import Scalar
from lstm_ref.corpus.read.models.cases import ValuesEntry
from lstm_ref.corpus.read.models.parameters import Layer, ParametersFile

Schema = dict[str, Any]


def schema(parameters: Mapping[str, ParametersFile] | None = None) -> Schema:
    """The schema (draft-07) of every kind of file; `params`, `call`, `input` and
    `matrix` follow the tables of each dialect and layer.
    """
    tables = load_parameters() if parameters is None else parameters
    definitions: Schema = {}
    for model in KINDS.values():
        own = model.model_json_schema(ref_template="#/definitions/{model}")
        definitions.update(own.pop("$defs", {}))
        definitions[model.__name__] = own
    clauses = [
        _when({"kind": kind}, {"$ref": f"#/definitions/{model.__name__}"}) for kind, model in KINDS.items()
    ]
    for dialect, table in tables.items():
        definitions.update(families(table))
        layers = {"enum": list(table.layers)}
        cases = {"items": {"properties": {"layer": layers}}}
        clauses.append(
            _when({"kind": "cases", "dialect": dialect}, {"properties": {"layer": layers, "cases": cases}})
        )
        for name, layer in table.layers.items():
            key = f"{dialect}.{name}"
            definitions[key] = {
                "properties": _groups(layer),
                "description": f"{layer.about} ({layer.source})",
            }
            entry = {"$ref": f"#/definitions/{key}"}
            without_own = {"if": {"not": {"required": ["layer"]}}, "then": entry}
            here = {"kind": "cases", "dialect": dialect, "layer": name}
            clauses.append(_when(here, {"properties": {"defaults": entry, "cases": {"items": without_own}}}))
            definitions[f"{key}.types"] = _types(layer, table)
            clauses += _typed(here, {"$ref": f"#/definitions/{key}.types"})
            of_entry = _when({"layer": name}, entry)
            clauses.append(
                _when({"kind": "cases", "dialect": dialect}, {"properties": {"cases": {"items": of_entry}}})
            )
            of_claim = _exhibits({"if": {"not": {"required": ["layer"]}}, "then": _shown(without_own)})
            here = {"kind": "claims", "dialect": dialect, "layer": name}
            clauses.append(_when(here, {"properties": {"defaults": entry, **of_claim}}))
            of_claim = _exhibits({"allOf": [_when({"layer": name}, _shown(without_own)), _shown(of_entry)]})
            clauses.append(_when({"kind": "claims", "dialect": dialect}, {"properties": of_claim}))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A file of the lstm-ref corpus",
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"enum": list(KINDS)},
            "dialect": {"type": "string", "examples": list(tables)},
        },
        "allOf": clauses,
        "definitions": definitions,
    }


def _when(constants: Mapping[str, str], then: Schema) -> Schema:
    condition = {
        "required": list(constants),
        "properties": {key: {"const": value} for key, value in constants.items()},
    }
    return {"if": condition, "then": then}


def _types(layer: Layer, dialect: ParametersFile) -> Schema:
    """What values the parameters of a case may have that refuses nothing."""
    typed = {name: schema_of(parameter, dialect) for name, parameter in layer.constructor.items()}
    axes = {f"params.{name}": {"items": value} for name, value in typed.items()}
    return {"properties": {"params": {"properties": typed}, "matrix": {"properties": axes}}}


def _typed(here: Mapping[str, str], types: Schema) -> list[Schema]:
    """The clauses by which values are of their types: not where the case, or the file,
    has something to refuse.
    """
    refuses: Schema = {"required": ["expect"]}
    file_refuses = {"required": ["defaults"], "properties": {"defaults": refuses}}
    own_layer: Schema = {"required": ["layer"]}
    of_file = {"if": {"not": {"anyOf": [own_layer, refuses]}}, "then": types}
    of_entry = {"if": {"not": refuses}, "then": _when({"layer": here["layer"]}, types)}
    whole = {"properties": {"defaults": types, "cases": {"items": of_file}}}
    anywhere = {key: value for key, value in here.items() if key != "layer"}
    return [
        _when(where, {"if": {"not": file_refuses}, "then": then})
        for where, then in ((here, whole), (anywhere, {"properties": {"cases": {"items": of_entry}}}))
    ]


def _exhibits(claim: Schema) -> Schema:
    return {"claims": {"items": claim}}


def _shown(exhibit: Schema) -> Schema:
    return {"properties": {"shows": {"items": exhibit}}}


def _groups(layer: Layer) -> Schema:
    """What may stand in the groups of a case of this layer."""
    params = {
        name: _described(parameter.about, parameter.source, parameter.values)
        for name, parameter in layer.constructor.items()
    }
    for name, parameter in layer.constructor.items():
        if not parameter.required:
            params[name]["default"] = parameter.default
    sizes: Schema = {
        name: {"description": word.about, **_closed(word.values)} for name, word in layer.input.items()
    }
    size = _only({**sizes, "shape": {}})
    arguments = {
        name: {"description": f"{argument.about} ({argument.source})", **_closed(argument.values)}
        for name, argument in layer.call.items()
        if argument.values or not argument.required
    }
    axes = {
        **{f"params.{name}": {"description": about["description"]} for name, about in params.items()},
        **{f"call.{name}": {"items": about} for name, about in arguments.items()},
        **{f"input.{name}": {"items": about} for name, about in sizes.items()},
        **{f"input.{name}": {} for name in ("shape",)},
        **{f"values.{name}": {} for name in ValuesEntry.model_fields},
    }
    taken = _only(
        {
            **size["properties"],
            **({"part": {}, "reversed": {}} if "timesteps" in layer.input else {"timestep": {}}),
        }
    )
    call = _only({**arguments, "input": taken})
    train = _only({**call["properties"], "epochs": {}, "learning_rate": {}})
    sized: Schema = {
        name: group for name, group in (("call", call), ("train", train)) if name in layer.actions
    }
    words = {"enum": [action for action in layer.actions if action not in SIZED]}
    steps = {"items": {"anyOf": [{"type": "object", **_only({**sized, "expect": {}})}, words]}}
    groups = {"params": _only(params), "call": call, "steps": steps}
    matrix = {**_only(axes), "patternProperties": {rf"^{re.escape(OTHER)}(params|call|input)\.\w+$": {}}}
    return {
        **groups,
        "input": size,
        "matrix": matrix,
        "relation": _relation({**groups, "input": taken, "weights": {}}, layer),
    }


def _relation(groups: Schema, layer: Layer) -> Schema:
    """What a relation may change, and the outputs that it may compare; a second run on
    another dialect or layer has names of its own.
    """
    names = {"enum": list(layer.outputs)}
    spots = [
        _when({"output": name}, {"properties": {"at": {"enum": list(output.at)}}})
        for name, output in layer.outputs.items()
    ]
    term = {"anyOf": [names, {"type": "object", "properties": {"output": names}, "allOf": spots}]}
    same = {"properties": {"other": _only(groups), "equal": {"items": {"properties": {"right": term}}}}}
    elsewhere = {"properties": {"other": {"anyOf": [{"required": ["dialect"]}, {"required": ["layer"]}]}}}
    return {"properties": {"equal": {"items": {"properties": {"left": term}}}}, "if": elsewhere, "else": same}


def _described(about: str, source: str, values: list[Any]) -> Schema:
    return {"description": f"{about} ({source})", **({"examples": values} if values else {})}


def _closed(values: list[Scalar]) -> Schema:
    return {"enum": values} if values else {}


def _only(properties: Schema) -> Schema:
    return {"properties": properties, "additionalProperties": False}


def text(parameters: Mapping[str, ParametersFile] | None = None) -> str:
    """The schema as the file has it."""
    return json.dumps(schema(parameters), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or check the schema file. Returns 0 where it is current afterwards, 1 where
    it is not, 2 where the parameter tables are broken.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lstm_ref.corpus.schema", description="Write the JSON Schema of the case files."
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail where the file is not current"
    )
    parser.add_argument(
        "--cases", type=Path, help="folder of the case files (default: those of this package)"
    )
    options = parser.parse_args(arguments)
    try:
        root: Path = options.cases or corpus_root()
        current = text(load_parameters(root))
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 2
    file = root / "schema.json"
    if options.check:
        if file.is_file() and file.read_text(encoding="utf-8") == current:
            return 0
        print(f'{file} is not current: run "python -m lstm_ref.corpus.schema"', file=sys.stderr)
        return 1
    file.write_text(current, encoding="utf-8", newline="\n")
    print(f"wrote {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
