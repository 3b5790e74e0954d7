"""The ways to make a model small.

All of them leave inputs and outputs as floats. Activations are quantized as they come (dynamically): a static range has
cost classifiers most of their F1 where a text left it.
"""

import logging
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from stages.quantize.sensitivity import worst
from strata.model.batches import Batch

BLOCK = 32  # weights that share a scale where weights alone are quantized


def make(name: str, source: Path, target: Path, sample: Batch) -> None:
    """Write one of quantize.candidates. source: the fp32 ONNX model. sample: token ids and mask of some rows."""
    if name == "weight_only":
        _weight_only(source, target)
        return
    logging.getLogger().setLevel(logging.ERROR)  # it advises a step that dynamic quantization can do without
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Gather"],  # not Attention, whose quantized form is of an older operator
        per_channel=name != "per_tensor",
        reduce_range=name == "reduce_range",
        weight_type=QuantType.QInt8,
        nodes_to_exclude=worst(source, sample) if name == "keep_fp32" else [],
    )


def _weight_only(source: Path, target: Path) -> None:
    """Round the matrices to 8 bits in blocks, and compute in fp32: small, and no faster than fp32."""
    # imported here, since it sets up logging for all libraries
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger(MatMulNBitsQuantizer.__module__).setLevel(logging.ERROR)
    quantizer = MatMulNBitsQuantizer(onnx.load(source), bits=8, block_size=BLOCK, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(target, False)
