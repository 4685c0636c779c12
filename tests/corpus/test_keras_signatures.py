"""`since` in the table of Keras, held against the signatures that its versions had.

`.ci/signatures.py` has read them from the installed versions, and written down where
they differ from the table.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from lstm_ref.corpus import load_parameters

RECORDED = json.loads(Path(__file__).with_name("keras-signatures.json").read_text(encoding="utf-8"))
TABLE = load_parameters()["keras"]
MODULES = {"activation": "activations", "initializer": "initializers"}


def later_than(version: str) -> Iterator[str]:
    """What the table says that a version has not yet."""
    now = Version(version).release
    for name, layer in TABLE.layers.items():
        for key, parameter in layer.constructor.items():
            since = parameter.since
            if isinstance(since, str):
                if now < Version(since).release:
                    yield f"{name}.{key}"
            elif since is not None:
                types = parameter.type if isinstance(parameter.type, list) else [parameter.type]
                (module,) = (MODULES[word] for word in types if word in MODULES)
                covered = {value for value in parameter.values if isinstance(value, str)}
                for word in covered & set(since):
                    if now < Version(since[word]).release:
                        yield f"{module}.{word}"


@pytest.mark.parametrize("version", RECORDED["versions"])
def test_the_table_says_of_each_version_what_it_has_not_yet(version: str) -> None:
    absent = {name for name, versions in RECORDED["missing"].items() if version in versions}
    assert set(later_than(version)) == absent


def test_no_version_has_an_argument_that_the_table_does_not_have() -> None:
    assert RECORDED["beyond"] == {}
