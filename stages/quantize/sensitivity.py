"""Which parts of a model int8 rounds worst: the noise that it adds to each matrix product and embedding, by itself."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from strata.model.batches import Batch

SHARE = 0.125  # of the matrices are kept in fp32


def worst(path: Path, sample: Batch) -> list[str]:
    """Return the names of the nodes that lose most by int8, an eighth of all. sample: ids and mask, (batch, tokens)."""
    noise = noises(path, sample)
    return sorted(noise, key=noise.get, reverse=True)[: max(1, round(SHARE * len(noise)))]


def noises(path: Path, sample: Batch) -> dict[str, float]:
    """Return by node the mean squared error that int8 adds to its output, as a share of the output's mean square.

    Weights have a scale a column, or one scale where they are a table of embeddings; activations one scale.
    """
    model = onnx.load(path)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    products = {node.name: node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in weights}
    tables = {node.name: node for node in model.graph.node if node.op_type == "Gather" and node.input[0] in weights}
    tables = {name: node for name, node in tables.items() if len(weights[node.input[0]].dims) == 2}
    seen = sorted({node.input[0] for node in products.values()} | {node.input[1] for node in tables.values()})
    known = {value.name for value in (*model.graph.input, *model.graph.output)} | set(weights)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in seen if name not in known)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = dict(zip(("input_ids", "attention_mask"), sample, strict=True))
    names = [output.name for output in session.get_outputs()]
    found = given | dict(zip(names, session.run(names, given), strict=True))
    found |= {name: numpy_helper.to_array(weights[name]) for name in seen if name in weights}
    noise = {}
    for name, node in products.items():
        x, w = found[node.input[0]], numpy_helper.to_array(weights[node.input[1]])
        noise[name] = _share(x @ w, _uint8(x) @ _int8(w, axis=0))
    for name, node in tables.items():
        table, rows = numpy_helper.to_array(weights[node.input[0]]), found[node.input[1]]
        noise[name] = _share(table[rows], _int8(table, axis=None)[rows])
    return noise


def _share(exact: np.ndarray, rounded: np.ndarray) -> float:
    return float(np.square(rounded - exact).mean() / max(np.square(exact).mean(), np.finfo(np.float32).tiny))


def _int8(weight: np.ndarray, axis: int | None) -> np.ndarray:
    """Round as symmetric int8 does; one scale for all that differ along `axis`, or for all."""
    scale = np.maximum(np.abs(weight).max(axis=axis, keepdims=True), np.finfo(np.float32).tiny) / 127
    return np.round(weight / scale) * scale


def _uint8(x: np.ndarray) -> np.ndarray:
    """Round as DynamicQuantizeLinear does."""
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    scale = max((high - low) / 255, float(np.finfo(np.float32).tiny))
    zero = round(-low / scale)
    return (np.clip(np.round(x / scale) + zero, 0, 255) - zero) * scale
