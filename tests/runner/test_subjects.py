"""Whatever a subject does is the outcome of one request, and the next request is
answered.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from lstm_ref.implementations import discover
from lstm_ref.protocol import Host, Implementation
from lstm_ref.protocol.trace import Request, Step, Tensor, Trace
from lstm_ref.protocol.wire import PROTOCOL
from lstm_ref.runner.answers import Answer, Broken, CannotStart, Crashed, TimedOut, Unsupported
from lstm_ref.runner.errors import UnknownImplementation
from lstm_ref.runner.launching import Launch, held_to, installed, launch
from lstm_ref.runner.subject import Subject
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target

Children = Callable[[], list[psutil.Process]]

HERE = Path(__file__).parent
PYTHON_PATH = {"PYTHONPATH": launch(Host("any", (), "any", {})).environment["PYTHONPATH"]}
FAKE = Launch("fake", (sys.executable, str(HERE / "fake_subject.py")), {**PYTHON_PATH, "FAKE_THREADS": "1"})
HELLO = {
    "message": "hello",
    "protocol": PROTOCOL,
    "subject": "rude",
    "versions": {},
    "environment": {},
    "implementations": [
        {"name": "rude", "dialect": "keras", "accumulation": {"float32": "float32"}, "layers": "all"}
    ],
}
TRACE = {"message": "trace", "id": 0, "trace": {"calls": [], "raised": None, "seconds": 0.0, "refusals": []}}


def ask(deed: str, weights: bool = False) -> Request:
    x = Tensor("float64", np.array([1.0, 2.0]))
    return Request("fake", deed, {}, "float64", {"kernel": x} if weights else {}, (Step("call", {"x": x}),))


def rude(start: str = "", hello: object = HELLO, answer: object = TRACE) -> Subject:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in (hello, answer)]
    return Subject(
        Launch("rude", (sys.executable, str(HERE / "rude_subject.py"), start, *lines), {}),
        start_seconds=20,
        case_seconds=5,
    )


def works(answer: Answer) -> bool:
    return (
        isinstance(answer, Trace)
        and answer.raised is None
        and answer.calls[0].outputs[0].values.tolist() == [2.0, 4.0]
    )


@pytest.fixture
def subject() -> Iterator[Subject]:
    fake = Subject(FAKE, case_seconds=1.0)
    yield fake
    fake.close()


@pytest.fixture(autouse=True)
def children() -> Iterator[Children]:
    """The processes that the test has started and that are there; nothing is left
    behind. (Other tests may keep some of theirs.)
    """
    before = set(psutil.Process().children(recursive=True))

    def found() -> list[psutil.Process]:
        return [child for child in psutil.Process().children(recursive=True) if child not in before]

    yield found
    assert found() == []


def test_a_request_is_answered(subject: Subject) -> None:
    assert works(subject.run(ask("work")))
    assert subject.facts is not None
    assert subject.facts.versions["fake"] == "1.0"
    assert subject.facts.environment == {"FAKE_THREADS": "1"}
    introduced = subject.facts.implementations["fake"]
    assert (introduced.dialect, introduced.accumulation) == ("keras", {"float64": "float64"})


def test_one_process_answers_all_requests(subject: Subject) -> None:
    answers = [subject.run(ask("pid")) for _ in range(3)]
    assert (
        len({int(answer.calls[0].outputs[0].values[0]) for answer in answers if isinstance(answer, Trace)})
        == 1
    )


@pytest.mark.parametrize(
    ("deed", "cause"),
    [
        ("segfault", "signal SIGSEGV"),
        ("abort", "signal SIGABRT"),
        ("exit", "exit code 3"),
        ("sys-exit", "exit code 4"),
        ("close-output", "it closed its output and went on running"),
    ],
)
def test_a_process_that_ends_is_a_crash_of_that_request_alone(
    subject: Subject, deed: str, cause: str
) -> None:
    if deed == "close-output":
        subject = Subject(FAKE, case_seconds=10.0)
    assert works(subject.run(ask("work")))
    answer = subject.run(ask(deed))
    assert isinstance(answer, Crashed)
    assert answer.cause == cause
    assert works(subject.run(ask("work")))
    subject.close()


def test_a_crash_shows_where_python_was_and_only_the_end_of_what_it_wrote(subject: Subject) -> None:
    crash = subject.run(ask("segfault"))
    assert isinstance(crash, Crashed)
    assert "fake_subject.py" in crash.stderr
    abort = subject.run(ask("abort"))
    assert isinstance(abort, Crashed)
    assert "last words" in abort.stderr
    assert len(abort.stderr) < 20_000


def test_a_crash_shows_nothing_that_was_written_before_its_request(subject: Subject) -> None:
    assert works(subject.run(ask("print")))
    # The judge reads standard error beside the answers.
    time.sleep(0.2)
    crash = subject.run(ask("exit"))
    assert isinstance(crash, Crashed)
    assert crash.stderr == ""


def test_a_hang_is_a_timeout_of_that_request_alone(subject: Subject) -> None:
    assert works(subject.run(ask("work")))
    started = time.monotonic()
    answer = subject.run(ask("hang"))
    assert isinstance(answer, TimedOut)
    assert answer.seconds == 1.0
    assert time.monotonic() - started < 10
    assert works(subject.run(ask("work")))


def test_a_process_killed_between_requests_costs_nothing(subject: Subject) -> None:
    answer = subject.run(ask("pid"))
    assert isinstance(answer, Trace)
    pid = int(answer.calls[0].outputs[0].values[0])
    os.kill(pid, signal.SIGKILL)
    # Wait until it is gone, and leave its end to the judge.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert works(subject.run(ask("work")))


def test_what_a_framework_prints_or_reads_is_not_part_of_the_protocol(subject: Subject) -> None:
    assert works(subject.run(ask("print")))
    assert works(subject.run(ask("read")))
    assert works(subject.run(ask("work")))


def test_an_exception_of_the_framework_is_part_of_the_trace(subject: Subject) -> None:
    answer = subject.run(ask("raise"))
    assert isinstance(answer, Trace)
    assert answer.raised is not None
    assert (answer.raised.types, answer.raised.message, answer.raised.step) == (
        ("ValueError", "Exception"),
        "refused",
        0,
    )


def test_an_exception_of_the_adapter_is_told_and_the_process_goes_on(subject: Subject) -> None:
    before = subject.run(ask("pid"))
    answer = subject.run(ask("work", weights=True))
    assert isinstance(answer, Broken)
    assert "LookupError: a bug of the adapter" in answer.traceback
    after = subject.run(ask("pid"))
    assert isinstance(before, Trace)
    assert isinstance(after, Trace)
    assert before.calls[0].outputs[0].values == after.calls[0].outputs[0].values


def test_what_an_implementation_does_not_offer_is_told_with_its_reason(subject: Subject) -> None:
    assert subject.run(ask("unsupported")) == Unsupported("no fakes today")


def test_a_request_for_an_implementation_that_lives_elsewhere_is_broken(subject: Subject) -> None:
    answer = subject.run(Request("other", "work", {}, "float64", {}, ()))
    assert isinstance(answer, Broken)
    assert "hosts fake, not 'other'" in answer.traceback


def test_a_request_that_cannot_be_written_never_reaches_the_subject(subject: Subject) -> None:
    answer = subject.run(Request("fake", "work", {"rate": float("nan")}, "float64", {}, ()))
    assert isinstance(answer, Broken)
    assert "the judge's own request" in answer.traceback
    assert subject.facts is None


def test_a_large_request_and_answer_pass(subject: Subject) -> None:
    x = Tensor("float64", np.arange(500_000.0))
    answer = subject.run(Request("fake", "work", {}, "float64", {}, (Step("call", {"x": x}),)))
    assert isinstance(answer, Trace)
    assert np.array_equal(answer.calls[0].outputs[0].values, 2 * x.values)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("rubbish", "not a line of JSON"),
        ({**TRACE, "id": 7}, "run 0 was answered with id 7"),
        ({**TRACE, "trace": {"raised": None}}, "calls"),
        ({"message": "hello"}, "is answered with trace, unsupported or broken, not 'hello'"),
        ({**TRACE, "extra": 1}, "extra"),
    ],
)
def test_an_answer_that_breaks_the_protocol_is_broken_and_the_process_replaced(
    answer: object, complaint: str, children: Children
) -> None:
    subject = rude(answer=answer)
    first = subject.run(ask("work"))
    assert isinstance(first, Broken)
    assert complaint in first.traceback
    assert children() == []


def test_a_subject_in_any_language_may_answer() -> None:
    subject = rude()
    assert subject.run(ask("work")) == Trace((), None, 0.0)
    subject.close()


@pytest.mark.parametrize(
    ("start", "hello", "reason", "stderr"),
    [
        ("fail", HELLO, "ended before it was ready, exit code 1", "ImportError: no framework here"),
        ("", "rubbish", "not a line of JSON", ""),
        ("", {**HELLO, "protocol": 1}, "it speaks protocol 1", ""),
        ("", {**HELLO, "implementations": []}, "implementations", ""),
    ],
)
def test_a_subject_that_does_not_come_up_cannot_start(
    start: str, hello: object, reason: str, stderr: str
) -> None:
    answer = rude(start, hello).run(ask("work"))
    assert isinstance(answer, CannotStart)
    assert reason in answer.reason
    assert stderr in answer.stderr


def test_a_subject_that_is_never_ready_cannot_start() -> None:
    subject = Subject(
        Launch("slow", (sys.executable, str(HERE / "rude_subject.py"), "sleep", "", ""), {}),
        start_seconds=0.5,
    )
    answer = subject.start()
    assert isinstance(answer, CannotStart)
    assert answer.reason == "not ready within 0.5 s"


def test_a_command_that_does_not_exist_cannot_start() -> None:
    answer = Subject(Launch("nothing", ("/no/such/program",), {})).run(ask("work"))
    assert isinstance(answer, CannotStart)
    assert "/no/such/program cannot be run" in answer.reason


def test_after_two_failed_starts_no_third_is_tried(tmp_path: Path) -> None:
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write('start '); sys.exit(1)"
    subject = Subject(Launch("never", (sys.executable, "-c", script, str(tmp_path / "starts")), {}))
    answers = [subject.run(ask("work")) for _ in range(4)]
    assert all(isinstance(answer, CannotStart) for answer in answers)
    assert (tmp_path / "starts").read_text() == "start start "


def test_subjects_start_when_first_needed_and_end_together(children: Children) -> None:
    with Subjects({"fake": FAKE, "same-host": FAKE}) as subjects:
        assert children() == []
        assert subjects.start("fake") is None
        assert works(subjects.run(ask("work")))
        assert list(subjects.started()) == ["fake"]
        assert len(children()) == 1
    assert children() == []


def test_an_unknown_implementation_gets_a_hint() -> None:
    with (
        Subjects.of({name: Target.of(each) for name, each in discover().items()}) as subjects,
        pytest.raises(UnknownImplementation, match="did you mean 'torch'"),
    ):
        subjects.run(Request("troch", "LSTM", {}, "float64", {}, ()))


def test_an_interrupt_of_the_judge_leaves_the_subject_usable_and_closable() -> None:
    # Its own interpreter, since the interrupt goes to a whole session, as from a
    # terminal.
    code = f"""
import os, signal, sys, threading
sys.path.insert(0, {str(HERE)!r})
import numpy as np
from lstm_ref.runner.launching import Launch
from lstm_ref.runner.subject import Subject
from lstm_ref.protocol.trace import Request, Step, Tensor
def ask(deed):
    x = Tensor("float64", np.array([1.0]))
    return Request("fake", deed, {{}}, "float64", {{}}, (Step("call", {{"x": x}}),))
# Whoever runs the tests in the background ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
subject = Subject(Launch("fake", {FAKE.command!r}, {dict(FAKE.environment)!r}))
subject.run(ask("work"))
threading.Timer(0.5, lambda: os.killpg(0, signal.SIGINT)).start()
try:
    subject.run(ask("hang"))
except KeyboardInterrupt:
    print("interrupted")
print(subject.run(ask("work")).calls[0].outputs[0].values)
subject.close()
print("closed")
"""
    environment = {**os.environ, **PYTHON_PATH}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["interrupted", "[2.]", "closed"], done.stderr


def test_a_subject_ends_when_its_judge_is_gone(tmp_path: Path) -> None:
    code = f"""
import os
from lstm_ref.runner.launching import Launch
from lstm_ref.runner.subject import Subject
subject = Subject(Launch("fake", {FAKE.command!r}, {dict(FAKE.environment)!r}))
subject.start()
print(subject._process._process.pid, flush=True)
os._exit(0)
"""
    environment = {**os.environ, **PYTHON_PATH, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    pid = int(done.stdout)
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"subject {pid} outlived its judge")


def test_installed_asks_for_every_required_module_and_ignores_stray_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def requiring(*modules: str) -> Implementation:
        return Implementation("any", "keras", object, {}, Host("any", modules, "any", {}))  # type: ignore[arg-type]

    (tmp_path / "stray_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert installed(requiring("numpy"))
    assert not installed(requiring("numpy", "no_such_framework"))
    assert not installed(requiring("stray_folder"))


def test_a_subject_works_in_an_empty_folder_of_its_own_and_keeps_the_callers_python_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torch.py").write_text("raise RuntimeError('a file of the user shadows the framework')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "relative")
    command = (sys.executable, "-c", "import os, sys; sys.exit(f'{os.listdir()} {sys.path}')")
    answer = Subject(Launch("look", command, launch(Host("look", (), "look", {})).environment)).start()
    assert isinstance(answer, CannotStart)
    assert answer.stderr.startswith("[] [''")
    assert str(tmp_path / "relative") in answer.stderr


def test_a_process_is_replaced_when_asked(children: Children) -> None:
    with Subjects({"fake": FAKE}) as subjects:
        processes = set()
        for _ in range(2):
            assert works(subjects.run(ask("work")))
            processes.add(tuple(children()))
            subjects.replace("fake")
            assert not children()
        assert len(processes) == 2


def test_a_process_that_an_implementation_wears_out_is_replaced_and_no_other_is(children: Children) -> None:
    worn_out = Launch("worn", (*FAKE.command, "3"), FAKE.environment)
    with Subjects({"fake": worn_out, "same-host": worn_out}) as worn, Subjects({"fake": FAKE}) as kept:
        for subjects, expected in ((worn, 2), (kept, 1)):
            processes = set()
            for _ in range(4):
                assert works(subjects.run(ask("work")))
                processes.add(tuple(set(children())))
            assert len(processes) == expected
            subjects.close()


def test_a_subject_is_held_to_the_oldest_instructions_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host("look", (), "look", {"FASTER": "1", "THREADS": "1"}, {"FASTER": "0", "MAX_ISA": "SSE41"})
    for name in host.lowest:
        monkeypatch.delenv(name, raising=False)
    usual, held = launch(host).environment, held_to(launch(host), host.lowest)
    assert held is not None
    assert (usual["FASTER"], usual.get("MAX_ISA")) == ("1", None)
    assert {**usual, "FASTER": "0", "MAX_ISA": "SSE41"} == held.environment
    monkeypatch.setenv("MAX_ISA", "AVX2")
    monkeypatch.setenv("FASTER", "0")
    assert (launch(host).environment["FASTER"], launch(host).environment["MAX_ISA"]) == ("0", "AVX2")
    monkeypatch.setenv("MAX_ISA", "SSE41")
    assert held_to(launch(host), host.lowest) is None
    assert held_to(launch(host), {}) is None
