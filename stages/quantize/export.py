"""ONNX export of a fine-tuned classifier and its dynamic int8 quantization."""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from stages.shared.command import StageError

INPUTS = ("input_ids", "attention_mask")


TOLERANCE = 1e-4  # between a logit of PyTorch and of ONNX Runtime, both fp32


class Logits(torch.nn.Module):
    """A classifier that takes token ids and their mask, both (batch, tokens), and gives logits (batch, labels)."""

    def __init__(self, folder: Path, calibration: dict | None = None):
        super().__init__()
        self.model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, attn_implementation="eager"
        )
        if calibration:
            fold(self.model, calibration["temperature"], calibration["shift"])

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def fold(model: PreTrainedModel, temperature: float, shift: list[float]) -> None:
    """Make a classifier's logits calibrated ones in place, so that every runtime's plain softmax is calibrated.

    What evaluate has chosen, logits / temperature + shift, goes into weight and bias of the last layer. shift:
    (labels,). Raises: StageError when the model ends in no linear layer with a bias.
    """
    last = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m.out_features == model.config.num_labels]
    if not last or (last[-1].bias is None and any(shift)):
        raise StageError(
            f"{model.config.model_type}: ends in no linear layer with a bias, which calibration needs; choose another "
            "model.checkpoint, or train without balancing"
        )
    with torch.no_grad():
        last[-1].weight.div_(temperature)
        if last[-1].bias is not None:
            last[-1].bias.div_(temperature).add_(torch.tensor(shift, dtype=last[-1].bias.dtype))


def export(folder: Path, target: Path, calibration: dict | None = None) -> None:
    """Write the model in `folder` as fp32 ONNX, for any batch size and any number of tokens.

    calibration: temperature and shift, as evaluate writes them, which are folded in; None leaves logits as they are.

    The exporter notes source paths and Python stack traces on every node; they are removed, so that the same weights
    give the same bytes wherever the project lies.
    """
    # two tensors: given one tensor twice, the exporter takes both inputs for the same
    model = Logits(folder, calibration).eval()
    example = tuple(torch.ones(2, 8, dtype=torch.int64) for _ in INPUTS)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            example,
            dynamo=True,
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_shapes=[{0: batch, 1: tokens}] * len(INPUTS),
            verbose=False,
        )
    proto = program.model_proto
    for item in (proto.graph, *proto.graph.node, *proto.graph.input, *proto.graph.output, *proto.functions):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    proto.ClearField("metadata_props")
    del proto.graph.value_info[:]  # quantize_dynamic's shape inference fails on what the exporter noted here
    onnx.save(proto, target)
    _check(model, target)


def _check(model: Logits, target: Path) -> None:
    """Raise: ValueError when the exported model's logits are not PyTorch's, padding included."""
    ids = np.random.default_rng(0).integers(0, model.model.config.vocab_size, (3, 13))
    mask = (np.arange(13) < [[13], [7], [2]]).astype(np.int64)
    found = onnxruntime.InferenceSession(target).run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
    with torch.inference_mode():
        wanted = model(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    if not np.allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE):
        raise ValueError(
            f"ONNX logits differ from PyTorch's by {np.abs(found - wanted).max():.2g}; the export is wrong"
        )


def quantize(source: Path, target: Path, per_channel: bool, reduce_range: bool) -> None:
    """Write the ONNX model `source` with int8 weights, its activations quantized as it runs."""
    logging.getLogger().setLevel(
        logging.ERROR
    )  # it advises a preprocessing step that dynamic quantization can do without
    quantize_dynamic(source, target, per_channel=per_channel, reduce_range=reduce_range, weight_type=QuantType.QInt8)
