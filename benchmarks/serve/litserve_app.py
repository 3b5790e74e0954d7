"""The same int8 model in LitServe: python litserve_app.py FOLDER WORKERS THREADS PORT, in an environment with litserve.

A worker takes a text at a time: in a batch, the int8 model gives other labels.
"""

import sys
from pathlib import Path

import litserve
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

FOLDER, (WORKERS, THREADS, PORT) = Path(sys.argv[1]), map(int, sys.argv[2:])


class Classifier(litserve.LitAPI):
    """The model with its tokenizer."""

    def setup(self, device: str) -> None:
        """Load it, once a worker."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
        self.session = onnxruntime.InferenceSession(FOLDER / "onnx/model_quantized.onnx", options)
        self.tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.labels = ["negative", "positive"]

    def decode_request(self, request: dict) -> str:
        """Return the text of a request."""
        return request["texts"]

    def predict(self, text: str) -> np.ndarray:
        """Return the logits of a text: (labels,)."""
        ids = np.array([self.tokenizer.encode(text).ids], dtype=np.int64)
        return self.session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]

    def encode_response(self, logits: np.ndarray) -> dict:
        """Return the answer."""
        powers = np.exp(logits - logits.max())
        best = int(logits.argmax())
        return {"label": self.labels[best], "probability": float(powers[best] / powers.sum())}


if __name__ == "__main__":
    server = litserve.LitServer(
        Classifier(api_path="/predict"), accelerator="cpu", workers_per_device=WORKERS, timeout=120
    )
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="error")
