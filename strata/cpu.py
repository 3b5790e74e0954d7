"""Which of this CPU's instructions decide how int8 products are computed."""

INSTRUCTIONS = (
    *("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "sve"),
)


def flags() -> list[str]:
    """Return those of INSTRUCTIONS that this CPU has; none where it does not tell.

    Raises: ModuleNotFoundError without the package py-cpuinfo.
    """
    import cpuinfo  # not needed by what only serves a model

    try:
        flags_here = set(cpuinfo.get_cpu_info().get("flags", []))
    except OSError:  # it starts a process, which may be forbidden
        flags_here = set()
    return [name for name in INSTRUCTIONS if name in flags_here]
