"""The version of ONNX that exported models use, and what can run them."""

OPSET = 24
"""ONNX has the operator Attention from 23 on."""
LEAST_ONNX_RUNTIME = "1.24"
"""The first ONNX Runtime that loads models of OPSET; 1.20.1, 1.22.0 and 1.23.2 refuse them."""
