"""ONNX export of a fine-tuned classifier in fp32, checked against PyTorch."""

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
from strata.base.storage import storage_error
from strata.calibration import Calibration
from strata.model.batches import padded
from strata.model.padding import pad_token_id
from strata.model.pretrained import load_model
from strata.model.weights import first_line
from strata.opset import IR_VERSION, OPSET

INPUTS = ("input_ids", "attention_mask")
TOLERANCE = 1e-4  # largest difference between a logit of PyTorch and of ONNX Runtime, both fp32
MOST_BYTES = 2**31 - 2**24  # of weights: an ONNX file is a protobuf message of 2 GiB at most; the rest is the graph
REMEDY = "restore it: dvc checkout --force, or train again, with a lower train.lr or in fp32"
LONGEST_CHECKED = 1024  # tokens; the memory of attention grows with their square


class Logits(torch.nn.Module):
    """A classifier that takes token ids and mask, (batch, tokens) each, and returns logits, (batch, labels)."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def load(folder: Path) -> PreTrainedModel:
    """Load a fine-tuned classifier in fp32. Raises: StrataError without one, or when an ONNX file cannot hold it."""
    if not (folder / "config.json").is_file():
        raise StrataError(f"{folder}: no model in that folder; run stages.train, or dvc repro")
    model = load_model(AutoModelForSequenceClassification, folder, "the model", remedy=REMEDY).eval()
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    if size > MOST_BYTES:
        raise StrataError(
            f"{folder}: {size / 1e9:.1f} GB of weights, and an ONNX file holds {MOST_BYTES / 1e9:.0f} GB; train from a "
            "smaller model.checkpoint"
        )
    return model


def export_checked(
    model: PreTrainedModel, folder: Path, target: Path, calibration: Calibration, max_length: int
) -> None:
    """Export a model with its calibration folded in, and compare it with the one in `folder`, which has none.

    Attention is exported as one operator. If that fails, or gives other logits, it is exported with the operators
    that PyTorch computes it with, and this is printed.
    Raises: StrataError when that fails as well.
    """
    reference = load(folder)
    try:
        export(model, target, attention.NAME)
        check_export(reference, target, calibration, max_length)
    except Exception as error:  # of the exporter, of ONNX Runtime, or of the check
        if storage_error(error):
            raise
        print(
            f"quantize: {model.config.model_type} is exported without an operator for attention "
            f"({_first_line(error)}), and will be slower"
        )
        try:
            export(model, target, "eager")
            check_export(reference, target, calibration, max_length)
        except Exception as error:
            if storage_error(error):
                raise
            raise StrataError(
                f"{folder}: {model.config.model_type} cannot be exported to ONNX ({_first_line(error)}); choose "
                "another model.checkpoint"
            ) from error


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's cause; the exporter's own lines give advice to its developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)


def fold(model: PreTrainedModel, calibration: Calibration) -> None:
    """Fold a calibration into the last layer in place, so that every runtime's plain softmax is calibrated.

    It is the formula of `Calibration.logits` applied to a linear layer's weight w and bias b:
    (w x + b) / temperature + shift = (w / temperature) x + (b / temperature + shift).
    Raises: StrataError when the model does not end in a linear layer with a bias.
    """
    last = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m.out_features == model.config.num_labels]
    if not last or (last[-1].bias is None and calibration.shift.any()):
        raise StrataError(
            f"{model.config.model_type}: the model does not end in a linear layer with a bias, which calibration "
            "needs; choose another model.checkpoint, or train without balancing"
        )
    weight, bias = last[-1].weight, last[-1].bias
    with torch.no_grad():
        weight.div_(calibration.temperature)
        if bias is not None:
            bias.div_(calibration.temperature).add_(torch.tensor(calibration.shift, dtype=bias.dtype))


def export(model: PreTrainedModel, target: Path, implementation: str = attention.NAME) -> None:
    """Write a classifier as fp32 ONNX, for any batch size and any number of tokens.

    implementation: of its attention, by transformers' name. The exporter adds source paths and Python stack traces to
    every node. They are removed, so that the same weights give the same bytes in any folder.
    """
    # two tensors: with the same tensor twice, the exporter merges the two inputs
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
                opset_version=OPSET,
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
    _replace_adds_before_layer_norms(proto.graph)
    _halve_gelu_last(proto.graph)
    proto.ir_version = IR_VERSION
    del proto.graph.value_info[:]  # quantize_dynamic's shape inference fails on the exporter's shapes
    onnx.save(proto, target)


def _replace_adds_before_layer_norms(graph: onnx.GraphProto) -> None:
    """Replace each Add before a LayerNormalization by Sum, which computes the same.

    ONNX Runtime fuses Add and LayerNormalization into a kernel that takes four times as long as the two
    (docs/lab-notes.md), in every runtime that is built on it. It does not fuse Sum.
    """
    normalized = {node.input[0] for node in graph.node if node.op_type == "LayerNormalization"}
    for node in graph.node:
        if node.op_type == "Add" and node.output[0] in normalized:
            node.op_type = "Sum"


def _halve_gelu_last(graph: onnx.GraphProto) -> None:
    """Write GELU, x * (0.5 * (1 + erf(x / sqrt 2))), as (x * (1 + erf(x / sqrt 2))) * 0.5.

    ONNX Runtime recognises it in this order alone, and computes it with one kernel in half of the time.
    """
    makers = {output: node for node in graph.node for output in node.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for erf in [node for node in graph.node if node.op_type == "Erf"]:
        chain = [erf]
        while len(chain) < 4 and len(following := readers.get(chain[-1].output[0], [])) == 1:
            chain += following
        divide = makers.get(erf.input[0])
        if divide is None or [node.op_type for node in chain] != ["Erf", "Add", "Mul", "Mul"]:
            continue
        _, add, halved, last = chain
        x, others = divide.input[0], [name for name in halved.input if name != add.output[0]]
        if x in last.input and x not in others:
            halved.input[:] = [x, add.output[0]]
            last.input[:] = [halved.output[0], *others]


def check_export(model: PreTrainedModel, path: Path, calibration: Calibration, max_length: int) -> None:
    """Compare the exported model's logits with PyTorch's, calibrated by the formula.

    model: as training left it, nothing folded in. max_length: tokens a row may have. Rows are random, of one token up
    to max_length, with and without padding.
    Raises: ValueError when a logit differs by more than TOLERANCE.
    """
    random = np.random.default_rng(0)
    pad_id, longest = pad_token_id(model.config), min(max_length, LONGEST_CHECKED)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    few = min(longest, 33)
    for lengths in ([1], [longest], [few, 2, 1], [1, *random.integers(1, few + 1, 32)]):
        ids, mask = padded(_random_rows(random, lengths, model.config.vocab_size, pad_id), pad_id)
        with torch.inference_mode():
            expected = calibration.logits(Logits(model)(torch.from_numpy(ids), torch.from_numpy(mask)).numpy())
        exported = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
        # in the scale of PyTorch's logits: a temperature of 0.05 makes them, and their rounding, 20 times as large
        difference = np.abs(exported - expected).max() * min(1, calibration.temperature)
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{path.name}: logits differ from PyTorch's by {difference:.2g} in {len(lengths)} rows of up to "
                f"{max(lengths)} tokens, allowed is {TOLERANCE:g}; the export is wrong"
            )


def _random_rows(random: np.random.Generator, lengths: list[int], vocabulary: int, pad_id: int) -> list[np.ndarray]:
    """Return random token ids of the given lengths, without the padding token, by which RoBERTa counts positions."""
    rows = [random.integers(0, vocabulary, length) for length in lengths]
    return [np.where(row == pad_id, (pad_id + 1) % vocabulary, row) for row in rows]
