"""The number format of matrix products during training, chosen by what the hardware supports."""

import torch

from strata.base.errors import StrataError

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": None}
"""The type that autocast computes in; None: autocast is off."""


def choose(setting: str) -> str:
    """Return bf16, fp16 or fp32. auto: bf16 if the hardware supports it, else fp16 on a GPU and fp32 on a CPU.

    A CPU without bf16 instructions computes slower in bf16 than in fp32 (pytorch#86550), so it does not count as
    supporting it.
    Raises: StrataError when the hardware lacks the format.
    """
    formats = _supported()
    if setting == "auto":
        return formats[0]
    if setting not in formats:
        raise StrataError(
            f"train.precision is {setting}, but this machine supports {', '.join(formats)}; choose one of them, or auto"
        )
    return setting


def _supported() -> list[str]:
    """Return the formats that this machine supports, the best first."""
    if torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return ["bf16", "fp16", "fp32"] if has_bf16 else ["fp16", "fp32"]
    instructions = torch.cpu.get_capabilities()
    has_bf16 = any(instructions.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # x86, x86, Arm
    return ["bf16", "fp32"] if has_bf16 else ["fp32"]
