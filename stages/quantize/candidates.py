"""The ways to make a model smaller.

All of them keep inputs and outputs as floats. The scale of activations is computed for each text (dynamic
quantization): with a scale fixed in advance, classifiers have lost most of their F1 on texts outside its range.
"""

import logging
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from stages.quantize.sensitivity import worst_nodes
from strata.model.batches import Batch

BLOCK = 32  # weights that share a scale in weight_only
INT8 = {
    "per_tensor": {"per_channel": False, "reduce_range": False},
    "per_channel": {"per_channel": True, "reduce_range": False},
    "reduce_range": {"per_channel": True, "reduce_range": True},
    "mostly_int8": {"per_channel": True, "reduce_range": False},
}
"""The candidates with int8 arithmetic, and their arguments to onnxruntime's quantize_dynamic."""


def quantize(name: str, source: Path, target: Path, sample: Batch) -> None:
    """Write one of quantize.candidates. source: the fp32 ONNX model. sample: token ids and mask of some rows.

    Raises: KeyError on an unknown candidate.
    """
    if name == "weight_only":
        _weight_only(source, target)
        return
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime recommends a preprocessing step that is not needed
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Gather"],  # not attention, whose own products are few
        **INT8[name],
        weight_type=QuantType.QInt8,
        nodes_to_exclude=worst_nodes(source, sample) if name == "mostly_int8" else [],
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # of attention's output, which ONNX does not know
    )


def _weight_only(source: Path, target: Path) -> None:
    """Round the matrices to 8 bits in blocks, and compute in fp32: small, but no faster than fp32."""
    # imported here, since it sets up logging for all libraries
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger(MatMulNBitsQuantizer.__module__).setLevel(logging.ERROR)
    quantizer = MatMulNBitsQuantizer(onnx.load(source), bits=8, block_size=BLOCK, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(target, False)
