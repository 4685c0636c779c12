"""Whoever writes a subject is told what is wrong with it, and what to do."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lstm_ref.cli import main
from lstm_ref.corpus import load_parameters
from lstm_ref.dialects import dialects
from lstm_ref.runner.launching import Launch
from lstm_ref.smoke import Bench, smoke_cases

CLUMSY = Path(__file__).with_name("clumsy.py")

Smoke = Callable[..., Result]


def command(mistake: str) -> str:
    return shlex.join([sys.executable, str(CLUMSY), mistake])


@pytest.fixture
def smoke() -> Smoke:
    return lambda *arguments: CliRunner().invoke(main, ["smoke", *arguments])


def words(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def test_a_subject_without_mistakes_is_told_what_to_do_next(smoke: Smoke) -> None:
    done = smoke("--subject", command("none"))
    assert done.exit_code == 0, done.output
    assert "7 of 10 requests answered well" in done.output
    assert "Nothing is wrong. Next: lstm-ref run --subject" in done.output


def test_what_is_not_declared_is_not_asked_for(smoke: Smoke) -> None:
    done = words(smoke("--subject", command("none")).output)
    assert "6 given-state: unsupported" in done
    assert "clumsy declares no call.initial_state of LSTM (here given)" in done


def test_what_was_sent_and_what_came_is_shown_in_numbers(smoke: Smoke) -> None:
    done = words(smoke("--subject", command("none")).output)
    assert (
        'sent {"implementation": "clumsy", "layer": "LSTM", "params": {"units": 1}, "dtype": "float32",'
        ' "weights": {"kernel": float32 (1, 4) [' in done
    )
    assert 'came {"calls": [{"structure": "*", "outputs": [float32 (1, 1) [' in done


@pytest.mark.parametrize(
    ("mistake", "wrong", "todo"),
    [
        (
            "old protocol",
            "it speaks protocol 1, and this version of lstm-ref speaks 3",
            "each message is described",
        ),
        (
            "no layers",
            "the hello.implementations[0] must contain ['layers'] properties",
            "each message is described",
        ),
        (
            "unknown dialect",
            "clumsy follows the dialect 'kears', which is not known; did you mean",
            "each message is described",
        ),
        (
            "unknown parameter",
            "clumsy declares params.unit of LSTM, which is not documented; did you mean",
            "each message is described",
        ),
        ("chatty start", "not a line of JSON", "print everything else to standard error"),
        (
            "dies at once",
            "ended before it was ready, exit code 1",
            "a subject writes its hello as soon as it starts",
        ),
        ("dies at once", "libfoo.so: cannot open shared object file", "try it in a terminal"),
    ],
)
def test_a_wrong_hello_is_explained(smoke: Smoke, mistake: str, wrong: str, todo: str) -> None:
    done = smoke("--subject", command(mistake))
    assert done.exit_code == 1, done.output
    assert f"hello of {command(mistake)}: wrong" in done.output
    assert wrong in words(done.output)
    assert todo in words(done.output)


@pytest.mark.parametrize(
    ("mistake", "wrong"),
    [
        ("silent start", "not ready within 3 s"),
        ("unended hello", 'not ready within 3 s: it began the line b\'{"message": "hello"'),
    ],
)
def test_a_hello_that_never_ends_is_explained(mistake: str, wrong: str) -> None:
    bench = Bench(load_parameters(), start_seconds=3)
    assert isinstance(bench.introduce(Launch("clumsy", (sys.executable, str(CLUMSY), mistake), {})), str)
    (greeting,) = bench.greetings
    assert greeting.wrong[0].startswith(wrong)
    assert "writes its hello as soon as it starts, before it reads anything, and flushes" in greeting.todo


@pytest.mark.parametrize(
    ("mistake", "outcome", "wrong", "todo"),
    [
        (
            "chatty",
            "error",
            "not a line of JSON (Expecting value: line 1 column 1 (char 0)): b'computing",
            "print everything else to standard error",
        ),
        ("wrong id", "error", "run 0 was answered with id 1", "each message is described"),
        (
            "short array",
            "error",
            "an array of shape (1, 1) and dtype float32 takes 4 bytes, the message holds 3",
            "each message is described",
        ),
        (
            "wrong shape",
            "fail",
            "output has shape (1, 1, 1), expected (1, 1)",
            "the line above says what this request is about",
        ),
        ("dies", "crash", "Segmentation fault, so to speak", "the process has to outlive a request"),
        ("silent", "timeout", "no answer within 1 s", "flush standard output after it"),
    ],
)
def test_a_wrong_answer_is_explained(smoke: Smoke, mistake: str, outcome: str, wrong: str, todo: str) -> None:
    done = smoke("--subject", command(mistake), "--seconds", "1")
    assert done.exit_code == 1, done.output
    assert f" 1 one-number: {outcome}" in done.output
    assert wrong in words(done.output)
    assert todo in words(done.output)


def test_after_some_requests_without_an_answer_no_more_are_sent(smoke: Smoke) -> None:
    done = smoke("--subject", command("dies"), "--seconds", "5", "--format", "json")
    (column,) = json.loads(done.output)["columns"]
    assert [each["outcome"] for each in column["requests"]] == ["crash"] * 3 + ["not-run"] * 7


def test_gates_in_another_order_are_named_for_what_they_are(smoke: Smoke) -> None:
    done = words(smoke("--subject", command("gates swapped")).output)
    assert "1 one-number: fail" in done
    assert "the gates' blocks are read as f, i, g, o instead of i, f, g, o" in done


def test_a_program_reads_the_same_as_a_person(smoke: Smoke) -> None:
    done = smoke("--subject", command("gates swapped"), "--format", "json")
    assert done.exit_code == 1
    told = json.loads(done.output)
    assert json.loads(told["greetings"][0]["came"])["subject"] == "clumsy"
    (column,) = told["columns"]
    assert (column["column"], len(column["requests"])) == ("clumsy", 10)
    assert json.loads(column["requests"][0]["sent"])["message"] == "run"
    assert json.loads(column["requests"][0]["came"])["message"] == "trace"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name what to try"),
        (("--adapter", "nowhere.py"), "adapter 'nowhere.py' is not there"),
        (("--subject", " "), "has no command"),
        (("--subject", "'unclosed"), "is not a command: No closing quotation"),
        (("--python", "torch=python"), "is not IMPLEMENTATION@LABEL=INTERPRETER"),
        (("--python", "torch@old=no/such/python"), "there is no file no/such/python"),
        (("trch",), "there is no implementation 'trch'"),
    ],
)
def test_bad_usage_is_told_from_a_bad_subject(smoke: Smoke, arguments: tuple[str, ...], told: str) -> None:
    done = smoke(*arguments)
    assert done.exit_code == 4, done.output
    assert told in words(done.output)


def test_a_command_that_is_not_there_is_explained(smoke: Smoke) -> None:
    done = smoke("--subject", "no-such-program --fast")
    assert done.exit_code == 1
    assert "no-such-program cannot be run: No such file or directory" in words(done.output)
    assert "see whether it is on the PATH" in words(done.output)


@pytest.mark.parametrize("dialect", dialects())
def test_each_dialect_has_ten_requests_from_trivial_to_ordinary(dialect: str) -> None:
    cases = smoke_cases(dialect, load_parameters())
    names = [case.id.rpartition("/")[2] for case in cases]
    assert (len(names), names[0], names[-1]) == (10, "one-number", "ordinary")
