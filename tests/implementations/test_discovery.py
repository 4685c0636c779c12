"""Every adapter file of the package is found, without its framework."""

import json
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

import lstm_ref.implementations
from lstm_ref.implementations import discover
from lstm_ref.implementations.errors import DuplicateImplementation
from lstm_ref.protocol import Host
from lstm_ref.protocol.wire import STORAGE

ADAPTER = """
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host("mine", ("mine",), "mine", {})
IMPLEMENTATIONS = (Implementation("NAME", "keras", object, {"float32": "float32"}, HOST),)
"""


def test_the_implementations_are_found_with_their_dialects() -> None:
    found = {name: implementation.dialect for name, implementation in discover().items()}
    assert found.items() >= {"keras-tensorflow": "keras", "torch": "torch"}.items()


@pytest.mark.parametrize(
    ("requires", "extra", "missing", "said"),
    [
        (("torch",), "torch", ["torch"], 'python -m pip install "lstm-ref[torch]"'),
        (("tensorflow", "tf_keras"), "tf-keras", ["tf_keras"], 'python -m pip install "lstm-ref[tf-keras]"'),
        (("torch", "einops"), "torch", ["einops"], "install what has the module einops"),
        (("torch", "einops"), "torch", ["torch", "einops"], 'python -m pip install "lstm-ref[torch]"'),
        (("mine",), "unheard-of", ["mine"], 'python -m pip install "lstm-ref[unheard-of]"'),
    ],
)
def test_what_is_missing_is_told_with_what_would_bring_it(
    requires: tuple[str, ...], extra: str, missing: list[str], said: str
) -> None:
    assert Host("mine", requires, extra, {}).install_of(missing) == said


def test_no_framework_is_imported() -> None:
    code = """
import json, sys
from lstm_ref.runner.launching import installed
from lstm_ref.implementations import discover
known = {name: [installed(each), each.host.install] for name, each in discover().items()}
print(json.dumps(sorted({"tensorflow", "keras", "torch"} & set(sys.modules))))
"""
    folder = Path(lstm_ref.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("name", list(discover()))
def test_each_declares_an_extra_and_the_precisions_that_it_accumulates_in(name: str) -> None:
    implementation = discover()[name]
    assert implementation.host.extra in (metadata("lstm-ref").get_all("Provides-Extra") or ())
    assert {*implementation.accumulation, *implementation.accumulation.values()} <= set(STORAGE)
    assert "float32" in implementation.accumulation


def test_one_more_file_is_one_more_implementation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_one_more.py").write_text(ADAPTER.replace("NAME", "mine"))
    monkeypatch.setattr(
        lstm_ref.implementations, "__path__", [*lstm_ref.implementations.__path__, str(tmp_path)]
    )
    assert discover()["mine"].host.subject == "mine"


def test_two_files_may_not_claim_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_again.py").write_text(ADAPTER.replace("NAME", "torch"))
    monkeypatch.setattr(
        lstm_ref.implementations, "__path__", [*lstm_ref.implementations.__path__, str(tmp_path)]
    )
    with pytest.raises(DuplicateImplementation, match=r"'torch' is declared in .* and again in"):
        discover()
