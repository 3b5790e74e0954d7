"""PyTorch.

    python -m benchmarks.inference.torch_loop fp32 padded
    python -m benchmarks.inference.torch_loop bf16 sorted 16

padded: as in a typical notebook, batches of 32 in the order of the rows, each padded to 128 tokens. sorted: batches of
the given size, sorted by length.
"""

import sys
from functools import partial

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from strata.model.batches import Batch

from . import ROOT, measure, sorted_batches


def main() -> None:
    precision, order = sys.argv[1:3]
    folder = ROOT / "models/quantize"  # the weights that the other arms use too
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype={"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    ).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.inference_mode()
    def score(batch: Batch) -> np.ndarray:
        ids, mask = map(torch.from_numpy, batch)
        return model(input_ids=ids, attention_mask=mask).logits.float().numpy()

    @torch.inference_mode()
    def padded(texts: list[str]) -> np.ndarray:
        logits = []
        for start in range(0, len(texts), 32):
            batch = tokenizer(
                texts[start : start + 32], padding="max_length", max_length=128, truncation=True, return_tensors="pt"
            )
            logits.append(model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits)
        return torch.cat(logits).argmax(dim=1).numpy()

    if order == "padded":
        measure(padded)
    elif order == "sorted":
        encoder, size, pad_id = tokenizer.backend_tokenizer, int(sys.argv[3]), tokenizer.pad_token_id
        measure(lambda texts: sorted_batches(encoder, partial(map, score), texts, size, pad_id))
    else:
        raise SystemExit(f"{order}: unknown; allowed: padded, sorted")


if __name__ == "__main__":
    main()
