"""Parts of a run."""

from collections.abc import Callable
from typing import Any

import pytest
from heads import head

from lstm_ref.runner.errors import BadShard
from lstm_ref.runner.shards import Shard

IDS = [f"keras/file-{file}/case[x={point}]" for file in range(20) for point in range(100)]

FOUR_POINTS = (
    head("keras", "LSTM")
    + """\
  - name: some
    params: {units: 2}
    input: {batch: 2, timesteps: 2, features: 2}
    dtypes: [float64]
    matrix: {params.use_bias: [true, false], params.return_sequences: [false, true]}
"""
)


@pytest.mark.parametrize("of", [1, 2, 3, 7, 100])
def test_every_case_is_in_exactly_one_part(of: int) -> None:
    parts = [Shard(number, of) for number in range(1, of + 1)]
    assert all(sum(part.takes(case) for part in parts) == 1 for case in IDS)


def test_parts_are_about_equal_and_the_same_everywhere() -> None:
    sizes = [sum(Shard(number, 5).takes(case) for case in IDS) for number in range(1, 6)]
    assert sizes == [418, 383, 408, 421, 370]


@pytest.mark.parametrize("text", ["", "2", "0/5", "6/5", "a/b", "1/0", "-1/2", "1/2/3", "1 /2"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(BadShard, match="written as 2/5"):
        Shard.parse(text)


def test_two_parts_of_a_run_are_all_of_it(run: Callable[..., Any]) -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    for shard in ("1/2", "2/2"):
        done = run("file.yaml", "--lstm-impl", "keras-twin", "--lstm-shard", shard, yaml=FOUR_POINTS)
        found[shard] = set(done.outcomes())
        assert done.results.header.options["shard"] == shard
        assert done.results.incomplete == ""
    assert len(found["1/2"]) + len(found["2/2"]) == len(found["1/2"] | found["2/2"]) == 4


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_part_without_cases_has_a_file_too(run: Callable[..., Any], workers: tuple[str, ...]) -> None:
    sizes = []
    for number in (1, 2, 3):
        done = run("file.yaml", "--lstm-shard", f"{number}/9", *workers, yaml=FOUR_POINTS)
        results = done.results
        sizes.append(len(results.outcomes))
        assert (done.code, results.incomplete) == (0, ""), done.text
        assert results.header.options["shard"] == f"{number}/9"
        assert (f"the part {number}/9 of the run has no case" in done.text) == (sizes[-1] == 0)
    assert 0 in sizes


def test_a_wrong_part_ends_the_run_with_a_reason(run: Callable[..., Any]) -> None:
    done = run("file.yaml", "--lstm-shard", "3/2", yaml=FOUR_POINTS)
    assert done.code == 4
    assert '"3/2" is not a part of a run; the second of five is written as 2/5' in done.text
