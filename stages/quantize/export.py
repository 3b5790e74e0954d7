"""ONNX export of a fine-tuned classifier in fp32, compared with PyTorch before anybody uses it."""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from stages.quantize import attention
from strata.base.errors import StrataError
from strata.model.batches import padded

INPUTS = ("input_ids", "attention_mask")
TOLERANCE = 1e-4  # between a logit of PyTorch and of ONNX Runtime, both fp32
MOST_BYTES = 2**31 - 2**24  # of an ONNX file, whose format is protobuf; the rest is for the graph
LONGEST_CHECKED = 1024  # tokens: attention takes memory by their square


class Logits(torch.nn.Module):
    """A classifier that takes token ids and their mask, both (batch, tokens), and gives logits (batch, labels)."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def load(folder: Path) -> PreTrainedModel:
    """Load a fine-tuned classifier in fp32. Raises: StrataError without a model that ONNX can hold."""
    if not (folder / "config.json").is_file():
        raise StrataError(f"{folder}: no model in that folder; run stages.train, or dvc repro")
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    ).eval()
    if not all(weight.isfinite().all() for weight in model.parameters()):
        raise StrataError(f"{folder}: its weights hold NaN or infinity; train with a lower train.lr or in fp32")
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    if size > MOST_BYTES:
        raise StrataError(
            f"{folder}: {size / 1e9:.1f} GB of weights, and an ONNX file holds {MOST_BYTES / 1e9:.0f} GB; train from a "
            "smaller model.checkpoint"
        )
    return model


def export_checked(model: PreTrainedModel, folder: Path, target: Path, calibration: dict, longest: int) -> None:
    """Export a model with calibration folded in, and compare it with the one in `folder`, which has none.

    An architecture whose attention is more than one ONNX operator says is exported as PyTorch computes it, and told.
    Raises: StrataError when that is not the model either.
    """
    reference = load(folder)
    try:
        export(model, target, attention.NAME)
        check(reference, target, calibration, longest)
    except Exception:  # of the exporter, of ONNX Runtime, or of the check
        print(f"quantize: {model.config.model_type} has attention of its own, which is exported as it is")
        try:
            export(model, target, "eager")
            check(reference, target, calibration, longest)
        except Exception as error:
            said = str(error).strip().partition("\n")[0]
            raise StrataError(
                f"{folder}: {model.config.model_type} cannot be exported to ONNX ({said}); choose another "
                "model.checkpoint"
            ) from error


def fold(model: PreTrainedModel, temperature: float, shift: list[float]) -> None:
    """Make a classifier's logits calibrated ones in place, so that every runtime's plain softmax is calibrated.

    What evaluate has chosen, logits / temperature + shift, goes into weight and bias of the last layer. shift:
    (labels,). Raises: StrataError when the model ends in no linear layer with a bias.
    """
    last = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m.out_features == model.config.num_labels]
    if not last or (last[-1].bias is None and any(shift)):
        raise StrataError(
            f"{model.config.model_type}: ends in no linear layer with a bias, which calibration needs; choose another "
            "model.checkpoint, or train without balancing"
        )
    with torch.no_grad():
        last[-1].weight.div_(temperature)
        if last[-1].bias is not None:
            last[-1].bias.div_(temperature).add_(torch.tensor(shift, dtype=last[-1].bias.dtype))


def export(model: PreTrainedModel, target: Path, implementation: str = attention.NAME) -> None:
    """Write a classifier as fp32 ONNX, for any batch size and any number of tokens.

    implementation: of its attention, as transformers names it.

    The exporter notes source paths and Python stack traces on every node; they are removed, so that the same weights
    give the same bytes wherever the project lies.
    """
    # two tensors: given one tensor twice, the exporter takes both inputs for the same
    example = tuple(torch.ones(2, 8, dtype=torch.int64) for _ in INPUTS)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    before = model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                Logits(model).eval(),
                example,
                dynamo=True,
                opset_version=attention.OPSET,
                input_names=list(INPUTS),
                output_names=["logits"],
                dynamic_shapes=[{0: batch, 1: tokens}] * len(INPUTS),
                verbose=False,
            )
    finally:
        model.set_attn_implementation(before)
    proto = program.model_proto
    for item in (proto.graph, *proto.graph.node, *proto.graph.input, *proto.graph.output, *proto.functions):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    proto.ClearField("metadata_props")
    _part_sums_from_layer_norms(proto.graph)
    del proto.graph.value_info[:]  # quantize_dynamic's shape inference fails on what the exporter noted here
    onnx.save(proto, target)


def _part_sums_from_layer_norms(graph: onnx.GraphProto) -> None:
    """Write the Add before a LayerNormalization as Sum, which is the same and which ONNX Runtime does not fuse with it.

    Its fused kernel takes four times as long as the two (docs/lab-notes.md), in every runtime that is built on it.
    """
    normed = {node.input[0] for node in graph.node if node.op_type == "LayerNormalization"}
    for node in graph.node:
        if node.op_type == "Add" and node.output[0] in normed:
            node.op_type = "Sum"


def check(model: PreTrainedModel, path: Path, calibration: dict, longest: int) -> None:
    """Compare the exported model's logits with those that PyTorch gives, calibrated as evaluate does it.

    model: as training left it, nothing folded in. calibration: temperature and shift. longest: tokens a row may have.
    Rows are random, of one token up to `longest`, padded and not.
    Raises: ValueError when a logit differs by more than TOLERANCE.
    """
    random = np.random.default_rng(0)
    pad_id, longest = model.config.pad_token_id or 0, min(longest, LONGEST_CHECKED)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    few = min(longest, 33)
    for lengths in ([1], [longest], [few, 2, 1], [1, *random.integers(1, few + 1, 32)]):
        rows = [random.integers(0, model.config.vocab_size, length) for length in lengths]
        for row in rows:
            row[row == pad_id] = (
                pad_id + 1
            ) % model.config.vocab_size  # RoBERTa counts positions by what is no padding
        ids, mask = padded(rows, pad_id)
        with torch.inference_mode():
            logits = Logits(model)(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
        wanted = logits / calibration["temperature"] + np.array(calibration["shift"])
        # as PyTorch's logits are: a temperature of 0.05 makes them, and their rounding, 20 times as large
        found = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
        far = np.abs(found - wanted).max() * min(1, calibration["temperature"])
        if not far <= TOLERANCE:
            raise ValueError(
                f"{path.name}: logits differ from PyTorch's by {far:.2g} in {len(rows)} rows of up to "
                f"{max(lengths)} tokens, at most {TOLERANCE:g} is right; the export is wrong"
            )
