"""Which parts of a model lose most by int8: the noise it adds to each matrix product and each embedding on its own."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from strata.model.batches import Batch

SHARE = 0.125  # of the matrices are kept in fp32


def worst_nodes(path: Path, sample: Batch) -> list[str]:
    """Return the names of the nodes with the largest noise, an eighth of all. sample: ids and mask, (batch, tokens)."""
    noise = noise_of_nodes(path, sample)
    return sorted(noise, key=noise.get, reverse=True)[: max(1, round(SHARE * len(noise)))]


def noise_of_nodes(path: Path, sample: Batch) -> dict[str, float]:
    """Return by node the mean squared error that int8 adds to its output, divided by the output's mean square.

    Weights have one scale for each column, embeddings and activations one scale each.
    """
    model = onnx.load(path)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in weights]
    lookups = [node for node in model.graph.node if node.op_type == "Gather" and node.input[0] in weights]
    lookups = [node for node in lookups if len(weights[node.input[0]].dims) == 2]
    names = {node.input[0] for node in products} | {node.input[1] for node in lookups}
    values = {name: numpy_helper.to_array(weights[name]) for name in names if name in weights}
    values |= _intermediate_values(model, sorted(names - set(weights)), sample)
    noise = {}
    for node in products:
        x, weight = values[node.input[0]], numpy_helper.to_array(weights[node.input[1]])
        noise[node.name] = _relative_error(x @ weight, _uint8(x) @ _int8(weight, axis=0))
    for node in lookups:
        table, ids = numpy_helper.to_array(weights[node.input[0]]), values[node.input[1]]
        noise[node.name] = _relative_error(table[ids], _int8(table, axis=None)[ids])
    return noise


def _intermediate_values(model: onnx.ModelProto, names: list[str], sample: Batch) -> dict[str, np.ndarray]:
    """Run a model, and return the values of all named edges by name. Changes the model: they become its outputs."""
    existing = {value.name for value in (*model.graph.input, *model.graph.output)}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in existing)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = dict(zip(("input_ids", "attention_mask"), sample, strict=True))
    outputs = [output.name for output in session.get_outputs()]
    return inputs | dict(zip(outputs, session.run(outputs, inputs), strict=True))


def _relative_error(exact: np.ndarray, rounded: np.ndarray) -> float:
    return float(np.square(rounded - exact).mean() / max(np.square(exact).mean(), np.finfo(np.float32).tiny))


def _int8(weight: np.ndarray, axis: int | None) -> np.ndarray:
    """Round as symmetric int8 does, with one scale along `axis`, or one for all where it is None."""
    scale = np.maximum(np.abs(weight).max(axis=axis, keepdims=True), np.finfo(np.float32).tiny) / 127
    return np.round(weight / scale) * scale


def _uint8(x: np.ndarray) -> np.ndarray:
    """Round as ONNX's DynamicQuantizeLinear does."""
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    scale = max((high - low) / 255, float(np.finfo(np.float32).tiny))
    zero = round(-low / scale)
    return (np.clip(np.round(x / scale) + zero, 0, 255) - zero) * scale
