"""The predictor.

python -m benchmarks.inference.strata onnx/model_quantized.onnx
"""

import sys

import numpy as np

from strata.runtime.predictor import Predictor

from . import ROOT, measure


def main() -> None:
    predictor = Predictor(ROOT / "models/quantize", sys.argv[1])

    def predict(texts: list[str]) -> np.ndarray:
        return predictor.probabilities(texts).argmax(axis=1)

    measure(predict)


if __name__ == "__main__":
    main()
