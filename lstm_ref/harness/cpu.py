"""What kind of processor this is: it decides which kernels a framework picks."""

import platform
import re
from pathlib import Path
from typing import Any

# The instruction sets that the frameworks' kernels are chosen by.
TELLING = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "asimd", "sve", "bf16")


def cpu_facts() -> dict[str, Any]:
    """`cpu`, the model's name, and `flags`, its telling instruction sets; both empty where the system does not say."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8", errors="replace") if info.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    present = set(flags[1].split()) if flags else set()
    return {"cpu": model[1] if model else platform.processor(), "flags": [flag for flag in TELLING if flag in present]}
