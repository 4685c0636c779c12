"""Several result files as one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lstm_ref.cli import main
from lstm_ref.results.errors import CannotMerge
from lstm_ref.results.merging import merged
from lstm_ref.results.reading import read
from lstm_ref.results.records import Footer, Header, Outcome, Results, SubjectRecord
from lstm_ref.results.writing import record

PLATFORM = {"system": "s", "machine": "m", "python": "3", "numpy": "2", "cpu": "c", "flags": ["avx2"]}


def outcome(case: str, implementation: str = "keras-tensorflow", word: str = "pass") -> Outcome:
    return Outcome(
        case,
        implementation,
        "float64",
        word,
        "",
        "a.yaml",
        1,
        "about",
        "source",
        {},
        seconds=0.5,
        framework_seconds=0.25,
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(
        name: str, outcomes: list[Outcome], keras: str = "3.8.0", footer: bool = True, **header: Any
    ) -> Path:
        names = tuple(dict.fromkeys(each.implementation for each in outcomes))
        given = {
            "lstm_ref": "0.1.0",
            "started": f"2026-01-0{len(name) % 9 + 1}",
            "seed": 0,
            "corpus": "c",
            "cases": len(outcomes),
            "items": len(outcomes),
            "options": {"dtypes": []},
            "platform": PLATFORM,
            "implementations": names,
            "missing": (),
            **header,
        }
        versions = {"python": "3.11", "numpy": "2.4", "tensorflow": "2.21.0", "keras": keras}
        counts: dict[str, int] = {}
        for each in outcomes:
            counts[each.outcome] = counts.get(each.outcome, 0) + 1
        lines: list[dict[str, Any]] = [
            {"type": "header", "format": 1, **record(Header(**given))},
            {"type": "subject", **record(SubjectRecord("keras-tensorflow", names, versions, {}))},
            *(
                {"type": "outcome", **{k: v for k, v in record(each).items() if v is not None}}
                for each in outcomes
            ),
        ]
        if footer:
            lines.append({"type": "footer", **record(Footer("2026-02-01", 2.0, 1.0, counts))})
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return file

    return write_file


def read_text(text: str, folder: Path) -> Results:
    file = folder / "merged.jsonl"
    file.write_text(text, encoding="utf-8")
    return read(file)


def test_shards_of_one_run_are_the_run(write: Callable[..., Path], tmp_path: Path) -> None:
    shards = [
        write("a", [outcome("k/a"), outcome("k/b", word="fail")]),
        write("bb", [outcome("k/c"), outcome("k/a", "torch")]),
    ]
    found = read_text(merged(shards), tmp_path)
    assert found.incomplete == ""
    assert {(each.case, each.implementation) for each in found.outcomes} == {
        ("k/a", "keras-tensorflow"),
        ("k/b", "keras-tensorflow"),
        ("k/c", "keras-tensorflow"),
        ("k/a", "torch"),
    }
    assert (found.header.cases, found.header.items) == (3, 4)
    assert found.header.implementations == ("keras-tensorflow", "torch")
    assert found.header.started == "2026-01-02"
    assert found.header.options == {"dtypes": [], "merged": [str(file) for file in shards]}
    assert found.footer == Footer("2026-02-01", 4.0, 2.0, {"pass": 3, "fail": 1})
    assert len(found.subjects) == 2


def test_versions_of_one_implementation_are_columns_of_their_own(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    files = [write("a", [outcome("k/a")], keras="3.7.0"), write("bb", [outcome("k/a", word="fail")])]
    found = read_text(merged(files), tmp_path)
    names = ("keras-tensorflow@3.7.0", "keras-tensorflow@3.8.0")
    assert found.header.implementations == names
    assert tuple(each.implementation for each in found.outcomes) == names
    assert [each.implementations for each in found.subjects] == [(name,) for name in names]


def test_what_does_not_go_together_is_refused_with_every_reason(write: Callable[..., Path]) -> None:
    first = write("a", [outcome("k/a"), outcome("k/b")])
    other = write("bb", [outcome("k/b"), outcome("k/a"), outcome("k/c")], corpus="d", seed=1, footer=False)
    with pytest.raises(CannotMerge) as raised:
        merged([first, other])
    assert list(raised.value.problems) == [
        f"{other} and {first} differ in their case files: d and c; run both with the same",
        f"{other} and {first} differ in their seed: 1 and 0; run both with the same",
        f"{other} is incomplete: the run did not finish: the file has no footer; run it again",
        f"{other} has 2 outcomes that {first} has too, such as k/a on keras-tensorflow in float64; leave one"
        " of the files out",
    ]


def test_a_missing_part_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    first = write("a", [outcome("k/a")], options={"shard": "1/3"})
    third = write("bb", [outcome("k/b")], options={"shard": "3/3"})
    with pytest.raises(CannotMerge, match=r"^the part 2/3 of the run is missing; add its file$"):
        merged([first, third])
    second = write("ccc", [outcome("k/c")], options={"shard": "2/3"})
    assert "shard" not in read_text(merged([first, second, third]), tmp_path).header.options


def test_a_part_that_one_version_lacks_is_named(write: Callable[..., Path]) -> None:
    files = [
        write("a", [outcome("k/a")], keras="3.7.0", options={"shard": "1/2"}),
        write("bb", [outcome("k/b")], keras="3.7.0", options={"shard": "2/2"}),
        write("ccc", [outcome("k/a")], options={"shard": "1/2"}),
    ]
    with pytest.raises(
        CannotMerge, match=r"^the part 2/2 of keras-tensorflow@3.8.0 is missing; add its file$"
    ):
        merged(files)


def test_a_part_without_cases_is_one_of_every_version(write: Callable[..., Path], tmp_path: Path) -> None:
    files = [
        write("a", [outcome("k/a")], keras="3.7.0", options={"shard": "1/2"}),
        write("bb", [outcome("k/a")], options={"shard": "1/2"}),
        write("ccc", [], options={"shard": "2/2"}, implementations=("keras-tensorflow",)),
    ]
    found = read_text(merged(files), tmp_path)
    assert found.header.implementations == ("keras-tensorflow@3.7.0", "keras-tensorflow@3.8.0")
    assert len(found.outcomes) == 2


def test_the_command_writes_the_file_or_says_why_not(write: Callable[..., Path], tmp_path: Path) -> None:
    first, second = write("a", [outcome("k/a")]), write("bb", [outcome("k/b")])
    target = tmp_path / "new" / "all.jsonl"
    done = CliRunner().invoke(main, ["merge", str(first), str(second), "-o", str(target)])
    assert (done.exit_code, done.output.strip()) == (0, str(target))
    assert len(read(target).outcomes) == 2
    done = CliRunner().invoke(main, ["merge", str(first), str(first), "-o", str(tmp_path / "x")])
    assert done.exit_code == 4
    assert "has 1 outcomes that" in done.output
    assert not (tmp_path / "x").exists()
