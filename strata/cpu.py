"""Which of this CPU's instructions decide how int8 products are computed."""

import cpuinfo

INSTRUCTIONS = (
    *("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "sve"),
)


def flags() -> list[str]:
    """Return the names, as the operating system has them, of those of INSTRUCTIONS that are here."""
    found = set(cpuinfo.get_cpu_info().get("flags", []))
    return [name for name in INSTRUCTIONS if name in found]
