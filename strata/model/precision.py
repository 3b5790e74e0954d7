"""The number format of training's matrix products, chosen from the hardware."""

import torch

from strata.base.errors import StrataError


def choose(wanted: str) -> str:
    """Return bf16, fp16 or fp32; auto takes bf16 where the hardware computes it, else fp16 on a GPU and fp32 on a CPU.

    bf16 without the instructions for it is slower than fp32 (pytorch#86550), so a CPU's are looked up.
    Raises: StrataError when the wanted format is not to be had.
    """
    if torch.cuda.is_available():
        allowed = (
            ["bf16", "fp16", "fp32"] if torch.cuda.is_bf16_supported(including_emulation=False) else ["fp16", "fp32"]
        )
    else:
        instructions = torch.cpu.get_capabilities()
        has_bf16 = any(instructions.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # x86, x86, Arm
        allowed = ["bf16", "fp32"] if has_bf16 else ["fp32"]
    if wanted == "auto":
        return allowed[0]
    if wanted not in allowed:
        raise StrataError(
            f"train.precision is {wanted}, this machine has {', '.join(allowed)}; choose one of them, or auto"
        )
    return wanted
