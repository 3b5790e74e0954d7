"""Print, as JSON, this ONNX Runtime's version and the label ids that it gives to token ids.

    python label_ids.py MODEL.onnx < rows.json

Runs in an environment that has nothing but onnxruntime.
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
labels = []
for row in json.load(sys.stdin):
    ids = np.array([row], dtype=np.int64)
    logits = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
    labels.append(int(logits[0].argmax()))
print(json.dumps({"version": onnxruntime.__version__, "labels": labels}))
