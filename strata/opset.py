"""The version of ONNX that exported models use, and what can run them."""

OPSET, IR_VERSION = 18, 9
"""The operators and the file format that ONNX Runtime 1.17 knows; newer ones exclude users of an older runtime."""
LEAST_ONNX_RUNTIME = "1.17"
"""The oldest ONNX Runtime that models were tried with (benchmarks/runtimes)."""
LEAST_OF_WEIGHT_ONLY = "1.23"
"""The oldest one that computes with weights of 8 bits in blocks; 1.22.1 has them for 4 bits only."""


def least_onnx_runtime(candidate: str | None) -> str:
    """Return the oldest ONNX Runtime for a model that was quantized by one of quantize.candidates; None: fp32 alone."""
    return LEAST_OF_WEIGHT_ONLY if candidate == "weight_only" else LEAST_ONNX_RUNTIME
