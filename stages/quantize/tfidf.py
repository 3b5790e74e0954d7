"""TF-IDF as an ONNX file: the weights of a text's n-grams in, logits out; and the same beside a transformer's.

Its operators are as old as those of the transformer's export (strata/opset.py). To cut a text into n-grams is the
runtime's part, strata/tfidf: ONNX's own operators know no Unicode classes in patterns, and so no WORD.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from strata.calibration import Calibration
from strata.opset import IR_VERSION, OPSET
from strata.tfidf.fitted import Fitted, with_first_label

PREFIX = "tfidf."  # of names in a stack's graph


def model(fitted: Fitted, calibration: Calibration) -> onnx.ModelProto:
    """Return the model: indices (n,) int64 and weights (n,) float of a text; logits (1, labels), calibrated."""
    offset = with_first_label(fitted.intercept[None]) / calibration.temperature + calibration.shift
    constants = {
        "coefficients": fitted.coefficients / calibration.temperature,
        "offset": offset,
        "is_label": with_first_label(np.ones((1, fitted.coefficients.shape[1]))),  # (1, labels): 0 for what has none
    }
    nodes = [
        helper.make_node("Gather", [f"{PREFIX}coefficients", "indices"], [f"{PREFIX}rows"], axis=0),
        helper.make_node("Unsqueeze", ["weights", f"{PREFIX}axis"], [f"{PREFIX}row"]),
        helper.make_node("MatMul", [f"{PREFIX}row", f"{PREFIX}rows"], [f"{PREFIX}sums"]),
        helper.make_node("Mul", [f"{PREFIX}sums", f"{PREFIX}is_label"], [f"{PREFIX}columns"]),
        helper.make_node("Add", [f"{PREFIX}columns", f"{PREFIX}offset"], ["logits"]),
    ]
    graph = helper.make_graph(
        [*nodes],
        "tfidf",
        [
            helper.make_tensor_value_info("indices", TensorProto.INT64, ["ngrams"]),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, ["ngrams"]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, offset.shape[1]])],
        [
            numpy_helper.from_array(np.array([0]), f"{PREFIX}axis"),
            *(
                numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), f"{PREFIX}{name}")
                for name, value in constants.items()
            ),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def add_to(path: Path, tfidf: onnx.ModelProto) -> None:
    """Make a stack of the transformer in an ONNX file, in place: the logits of both are added."""
    stack = onnx.load(path)
    for node in stack.graph.node:
        node.output[:] = ["transformer.logits" if name == "logits" else name for name in node.output]
        node.input[:] = ["transformer.logits" if name == "logits" else name for name in node.input]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in tfidf.graph.node]
    nodes[-1].output[:] = [f"{PREFIX}logits"]
    stack.graph.node.extend([*nodes, helper.make_node("Add", ["transformer.logits", f"{PREFIX}logits"], ["logits"])])
    stack.graph.input.extend(tfidf.graph.input)
    stack.graph.initializer.extend(tfidf.graph.initializer)
    onnx.save(stack, path)
