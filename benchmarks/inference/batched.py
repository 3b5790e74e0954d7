"""The int8 model in batches of 16, a batch a core: python -m benchmarks.inference.batched

Faster than the predictor's text a core, and a text's label depends on its neighbours: why the predictor does not do it.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from predict import QUANTIZED, Predictor
from stages.shared.batches import Batch, by_length

from . import ROOT, measure


def main() -> None:
    predictor = Predictor(ROOT / "models/quantize", QUANTIZED)
    session, pool = predictor.classifier.many, ThreadPoolExecutor(predictor.classifier.threads)

    def score(batch: Batch) -> np.ndarray:
        return session.run(["logits"], dict(zip(("input_ids", "attention_mask"), batch, strict=True)))[0]

    def predict(texts: list[str]) -> np.ndarray:
        order, batches = by_length([row.ids for row in predictor.tokenizer.encode_batch_fast(texts)], 16, 0)
        labels = np.concatenate(list(pool.map(score, batches))).argmax(axis=1)
        unsorted = np.empty_like(labels)
        unsorted[order] = labels
        return unsorted

    measure(predict)


if __name__ == "__main__":
    main()
