"""The kind of processor. It decides which kernels a framework chooses."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np

# The instruction sets by which frameworks choose their kernels.
TELLING = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "asimd",
    "sve",
    "bf16",
)

# Environment variables that limit NumPy, and so the reference, to some of them.
LIMITS = ("NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE")


def cpu_facts() -> dict[str, Any]:
    """What matters about the processor in the judge's own process. `cpu` is the name of
    the model, and `flags` are those instruction sets that it has. Both are empty where
    the system does not say. `simd` are the sets that NumPy uses, and `limits` the
    variables that limit it to fewer.
    """
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8", errors="replace") if info.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    present = set(flags[1].split()) if flags else set()
    build: Any = np.show_config(mode="dicts")  # type: ignore[arg-type, unused-ignore]
    used = build["SIMD Extensions"]
    return {
        "cpu": model[1] if model else platform.processor(),
        "flags": [flag for flag in TELLING if flag in present],
        "simd": [*used.get("baseline", []), *used.get("found", [])],
        "limits": {name: os.environ[name] for name in LIMITS if name in os.environ},
    }
