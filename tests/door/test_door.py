"""From outside: a layer of one's own is judged without an edit of this package, by each
way there is, in `lstm-ref run` and in plain pytest.
"""

import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from heads import KERAS_LSTM

import lstm_ref
from lstm_ref.results.reading import read
from lstm_ref.results.records import Results

CHECKOUT = Path(lstm_ref.__file__).parent.parent
EXAMPLE = CHECKOUT / "examples" / "numpy"
CLUMSY = CHECKOUT / "tests" / "smoke" / "clumsy.py"

CASES = (
    KERAS_LSTM
    + """\
  - name: sequences
    matrix:
      params.return_sequences: [true, false]
      params.use_bias: [true, false]
  - name: in-double-precision
    dtypes: [float64]
"""
)
DIVERGENCES = """
kind: divergences
implementation: clumsy
about: A claim.
entries:
  - {cases: cases/*, kind: by-design, versions: {clumsy: ">=0.1"}, outcome: fail, match: beyond the bound,
      reason: it is what it is}
"""


class Done:
    """What became of a command, and the results that it wrote."""

    def __init__(self, done: "subprocess.CompletedProcess[str]", folder: Path) -> None:
        self.code, self.text = done.returncode, done.stdout + done.stderr
        self._file = folder / "r.jsonl"

    @property
    def results(self) -> Results:
        assert self._file.exists(), self.text
        return read(self._file)

    def outcomes(self, column: str) -> Counter[str]:
        return Counter(each.outcome for each in self.results.outcomes if each.implementation == column)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in ("plain_lstm.py", "adapter.py"):
        (tmp_path / file).write_text((EXAMPLE / file).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "cases.yaml").write_text(CASES, encoding="utf-8")
    return tmp_path


Command = Callable[..., Done]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.fixture
def run(folder: Path) -> Command:
    """`lstm-ref run`, in the folder."""

    def command(*arguments: str) -> Done:
        line = [
            sys.executable,
            "-m",
            "lstm_ref.cli",
            "run",
            *arguments,
            "--results",
            "r.jsonl",
            "--report",
            "r.html",
        ]
        return Done(
            subprocess.run(line, cwd=folder, env=environment(), capture_output=True, text=True, check=False),
            folder,
        )

    return command


@pytest.fixture
def by_pytest(folder: Path) -> Command:
    """Plain pytest with the plugin, in the folder."""

    def command(*arguments: str) -> Done:
        plugins = ["-p", "lstm_ref.pytest_plugin", "-p", "xdist.plugin", "-p", "no:cacheprovider"]
        line = [
            sys.executable,
            "-m",
            "pytest",
            *plugins,
            *arguments,
            "--lstm-results",
            "r.jsonl",
            "--lstm-report",
            "r.html",
        ]
        return Done(
            subprocess.run(line, cwd=folder, env=environment(), capture_output=True, text=True, check=False),
            folder,
        )

    return command


def clumsy(mistake: str = "none") -> str:
    return shlex.join([sys.executable, str(CLUMSY), mistake])


def test_an_adapter_for_a_numpy_class_takes_at_most_25_lines() -> None:
    lines = [
        line for line in (EXAMPLE / "adapter.py").read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    assert len(lines) <= 25


def test_an_adapter_file_is_judged_by_what_it_offers(run: Command) -> None:
    done = run("cases.yaml", "--adapter", "adapter.py")
    assert done.code == 0, done.text
    # Two of four points without use_bias are not offered, in either dtype; that in
    # double precision is.
    assert done.outcomes("plain-lstm") == {"pass": 5, "unsupported": 4}
    (subject,) = done.results.subjects
    assert (subject.implementations, subject.versions["plain-lstm"]) == (("plain-lstm",), "1.0")


def test_gates_swapped_in_the_class_are_named_for_what_they_are(run: Command, folder: Path) -> None:
    wrong = (folder / "plain_lstm.py").read_text(encoding="utf-8").replace("i, f, g, o = ", "f, i, g, o = ")
    (folder / "plain_lstm.py").write_text(wrong, encoding="utf-8")
    done = run("cases.yaml", "--adapter", "adapter.py")
    assert done.code == 1
    assert done.outcomes("plain-lstm") == {"fail": 5, "unsupported": 4}
    assert "the gates' blocks are read as f, i, g, o instead of i, f, g, o" in done.text


def test_a_command_is_judged_in_its_own_dtype_alone(run: Command) -> None:
    done = run("cases.yaml", "--subject", clumsy())
    assert done.code == 0, done.text
    # It knows no float64: the case that has nothing else is judged in float32.
    dtypes = Counter((each.outcome, each.dtype) for each in done.results.outcomes)
    assert dtypes == {("pass", "float32"): 3, ("unsupported", "float32"): 2, ("unsupported", "float64"): 4}


def test_two_subjects_are_two_columns_of_the_names_that_they_are_given(run: Command) -> None:
    done = run(
        "cases.yaml",
        "--subject",
        f"right={clumsy()}",
        "--subject",
        f"wrong={clumsy('gates swapped')}",
        "--workers",
        "2",
    )
    assert done.code == 1
    assert done.outcomes("right")["pass"] == 3, done.text
    assert done.outcomes("wrong")["fail"] == 3
    assert {each.implementations for each in done.results.subjects} == {("right",), ("wrong",)}


def test_an_implementation_under_another_interpreter_is_a_column_with_its_label(run: Command) -> None:
    done = run("cases.yaml", "--adapter", "adapter.py", "--python", f"plain-lstm@other={sys.executable}")
    assert done.code == 0, done.text
    assert done.outcomes("plain-lstm") == done.outcomes("plain-lstm@other") == {"pass": 5, "unsupported": 4}


def test_known_disagreements_of_ones_own_are_expected(run: Command, folder: Path) -> None:
    (folder / "clumsy.yaml").write_text(DIVERGENCES, encoding="utf-8")
    known = run("cases.yaml", "--subject", f"mine={clumsy('gates swapped')}", "--divergences", "clumsy.yaml")
    assert known.code == 0, known.text
    assert known.outcomes("mine")["divergence"] == 3
    stale = run("cases.yaml", "--subject", clumsy(), "--divergences", "clumsy.yaml")
    assert stale.code == 1
    assert stale.outcomes("clumsy")["stale"] == 3


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_plain_pytest_takes_the_same(by_pytest: Command, workers: tuple[str, ...]) -> None:
    done = by_pytest(
        "cases.yaml", "--lstm-adapter", "adapter.py", "--lstm-subject", f"mine={clumsy()}", *workers
    )
    assert done.code == 0, done.text
    assert done.outcomes("plain-lstm") == {"pass": 5, "unsupported": 4}
    assert done.outcomes("mine")["pass"] == 3


def test_a_project_says_once_what_is_judged(run: Command, by_pytest: Command, folder: Path) -> None:
    (folder / "clumsy.yaml").write_text(DIVERGENCES, encoding="utf-8")
    table = {
        "subjects": [f"mine={clumsy('gates swapped')}"],
        "adapters": ["adapter.py"],
        "divergences": ["clumsy.yaml"],
        "cases": ["cases.yaml::sequences*"],
        "dtypes": ["float32"],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    (folder / "pyproject.toml").write_text("\n".join(["[tool.lstm-ref]", *lines]), encoding="utf-8")
    for command in (run, by_pytest):
        done = command()
        assert done.code == 0, done.text
        assert done.outcomes("mine") == {"divergence": 2, "unsupported": 2}
        assert done.outcomes("plain-lstm") == {"pass": 2, "unsupported": 2}
    one = run("--impl", "mine")
    assert set(one.results.header.implementations) == {"mine"}, one.text


WITHOUT_READ = """
from lstm_ref.protocol import Implementation


class Half:
    def versions(self):
        return {}

    def constructor(self, request):
        return list

    def caller(self, layer, arguments):
        return list


IMPLEMENTATIONS = [Implementation("half", "keras", Half, {"float32": "float32"})]
"""


@pytest.mark.parametrize(
    ("file", "arguments", "told"),
    [
        (
            None,
            ("--adapter", "nowhere.py"),
            "adapter 'nowhere.py' is not there; name a file with IMPLEMENTATIONS",
        ),
        (None, ("--adapter", "cases.yaml"), "adapter 'cases.yaml' is not a Python file"),
        (
            "x = 1",
            ("--adapter", "mine.py"),
            "mine.py declares no implementations; it needs IMPLEMENTATIONS = ",
        ),
        (WITHOUT_READ, ("--adapter", "mine.py"), "the adapter Half has no set_weights, no tensor, no read"),
        (
            "import no_such_module",
            ("--adapter", "mine.py"),
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            None,
            ("--subject", "no-such-program"),
            "no-such-program cannot be run: No such file or directory; see whether it is on the PATH",
        ),
        (
            None,
            ("--subject", clumsy("unknown dialect")),
            "clumsy follows the dialect 'kears', which is not known; did you mean",
        ),
        (None, ("--subject", clumsy("chatty start")), "only messages go to standard output"),
        (
            None,
            ("--subject", clumsy(), "--subject", clumsy()),
            "2 columns are called clumsy; name them, as --subject NAME=COMMAND",
        ),
        (
            None,
            ("--adapter", "adapter.py", "--python", "plan@a=python"),
            "there is no implementation 'plan'; known are ",
        ),
        (
            None,
            ("--python", "torch@old=no/such/python"),
            "there is no file no/such/python; make one with python -m venv",
        ),
        (None, ("--python", "torch@old=."), "is a folder; name the interpreter in it"),
        (None, ("--python", "torch@old=/bin/cat"), "/bin/cat is not a Python interpreter"),
        (None, ("--python", f"torch={sys.executable}"), "is not IMPLEMENTATION@LABEL=INTERPRETER"),
        (
            None,
            ("--subject", clumsy(), "--divergences", "nowhere.yaml"),
            "nowhere.yaml:1:1: cannot be read: No such file or directory",
        ),
        (None, ("--subject", clumsy(), "--divergences", "cases.yaml"), "is not a file of divergences"),
    ],
)
def test_each_misuse_is_told_with_what_to_do(
    run: Command, folder: Path, file: str | None, arguments: tuple[str, ...], told: str
) -> None:
    if file is not None:
        (folder / "mine.py").write_text(file, encoding="utf-8")
    done = run("cases.yaml", *arguments)
    assert done.code == 4, done.text
    assert told in done.text
    assert "Traceback" not in done.text.replace(
        'Traceback (most recent call last):\n  File "' + str(folder), ""
    )


def test_an_interpreter_that_lacks_something_is_told_what_to_install(run: Command, folder: Path) -> None:
    bare = folder / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    done = run("cases.yaml", "--python", f"torch@bare={bare}")
    assert done.code == 4
    assert (
        f"{bare} has no numpy and no torch; install what is missing: {bare} -m pip install numpy torch"
        in done.text
    )


def test_divergences_of_another_implementation_are_refused(run: Command, folder: Path) -> None:
    (folder / "clumsey.yaml").write_text(
        DIVERGENCES.replace("implementation: clumsy", "implementation: clumsey"), encoding="utf-8"
    )
    done = run("cases.yaml", "--subject", clumsy(), "--divergences", "clumsey.yaml")
    assert done.code == 4
    assert "is about 'clumsey', which is not under test; did you mean" in done.text


def test_mistakes_in_the_settings_are_told_all_at_once_with_their_lines(run: Command, folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.lstm-ref]\nsubject = ["node x"]\ndtypes = "float32"\nfull = 1\n', encoding="utf-8"
    )
    done = run("cases.yaml")
    assert done.code == 4
    file = folder / "pyproject.toml"
    assert f'{file}:2: there is no setting "subject"; did you mean "subjects"?' in done.text
    assert f'{file}:3: "dtypes" must be a list of words' in done.text
    assert f'{file}:4: "full" must be true or false' in done.text
