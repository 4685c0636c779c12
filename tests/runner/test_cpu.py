"""What a result file says of the processor."""

from pathlib import Path

import numpy as np
import pytest

from lstm_ref.runner import cpu


@pytest.mark.parametrize(
    ("text", "model", "flags"),
    [
        (
            "processor\t: 0\nmodel name\t: A chip @ 2 GHz\nflags\t\t: fpu avx2 sse4_2 fma\nbugs : avx\n",
            "A chip @ 2 GHz",
            ["sse4_2", "avx2", "fma"],
        ),
        ("processor : 0\nFeatures : fp asimd bf16\n", "of the platform", ["asimd", "bf16"]),
        (None, "of the platform", []),
    ],
    ids=["x86", "arm", "no-file"],
)
def test_the_model_and_the_telling_flags_are_read(
    text: str | None, model: str, flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(cpu, "Path", lambda _: file)
    monkeypatch.setattr(cpu.platform, "processor", lambda: "of the platform")
    found = cpu.cpu_facts()
    assert (found["cpu"], found["flags"]) == (model, flags)


def test_what_numpy_uses_and_what_holds_it_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in cpu.LIMITS:
        monkeypatch.delenv(name, raising=False)
    used = {"SIMD Extensions": {"baseline": ["SSE", "SSE2"], "found": ["AVX2"], "not found": ["AVX512F"]}}
    monkeypatch.setattr(np, "show_config", lambda mode: used)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = cpu.cpu_facts()
    assert found["simd"] == ["SSE", "SSE2", "AVX2"]
    assert found["limits"] == {"OPENBLAS_CORETYPE": "Haswell"}
