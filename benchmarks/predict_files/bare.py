"""A bare loop: one ONNX session, a thread a core, token ids from memory.

python -m benchmarks.predict_files.bare FOLDER FILE ROWS
"""

import csv
import itertools
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from strata.base.cores import cores

CHUNK = 32  # texts that a thread takes at a time


def main() -> None:
    folder, file, rows = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with file.open(encoding="utf-8", newline="") as stream:
        texts = [row["text"] for row in itertools.islice(csv.DictReader(stream), rows)]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    ids = [np.array([encoding.ids], dtype=np.int64) for encoding in tokenizer.encode_batch_fast(texts)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "onnx/model_quantized.onnx", options)

    def score(start: int) -> None:
        for row in ids[start : start + CHUNK]:
            session.run(["logits"], {"input_ids": row, "attention_mask": np.ones_like(row)})

    score(0)
    with ThreadPoolExecutor(cores()) as pool:
        start = time.perf_counter()
        list(pool.map(score, range(0, len(ids), CHUNK)))
        seconds = time.perf_counter() - start
    tokens = sum(row.size for row in ids) / len(ids)
    print(json.dumps({"rows_a_second": len(ids) / seconds, "tokens_a_row": tokens}))


if __name__ == "__main__":
    main()
