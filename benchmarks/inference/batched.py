"""The int8 model in batches of 16, one batch per core.

    python -m benchmarks.inference.batched

This is faster than the predictor, which scores one text per core. But the label of a text then depends on the other
texts in its batch, so the predictor does not do it.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from strata.base.files import read_json
from strata.model.batches import Batch
from strata.runtime.predictor import QUANTIZED, Predictor

from . import ROOT, measure, sorted_batches


def main() -> None:
    folder = ROOT / "models/quantize"
    predictor = Predictor(folder, QUANTIZED)
    session, pool = predictor.classifier.many, ThreadPoolExecutor(predictor.classifier.threads)

    def score(batch: Batch) -> np.ndarray:
        return session.run(["logits"], dict(zip(("input_ids", "attention_mask"), batch, strict=True)))[0]

    pad_id = read_json(folder / "config.json")["pad_token_id"] or 0
    measure(lambda texts: sorted_batches(predictor.tokenizer, partial(pool.map, score), texts, 16, pad_id))


if __name__ == "__main__":
    main()
