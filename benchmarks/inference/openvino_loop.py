"""OpenVINO.

    python -m benchmarks.inference.openvino_loop onnx/model.onnx

OpenVINO runs the fp32 model in bf16 if the CPU supports that. It chooses the number of streams for many texts; a single
text has one.
"""

import sys

import numpy as np
import openvino
from tokenizers import Tokenizer

from strata.base.files import read_json
from strata.model.batches import Batch

from . import ROOT, measure, sorted_batches


def main() -> None:
    folder = ROOT / "models/quantize"
    pad_id = read_json(folder / "config.json")["pad_token_id"] or 0
    tokenizer, core = Tokenizer.from_file(str(folder / "tokenizer.json")), openvino.Core()
    model = core.read_model(folder / sys.argv[1])
    throughput, latency = (
        core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint}) for hint in ("THROUGHPUT", "LATENCY")
    )
    queue, single = openvino.AsyncInferQueue(throughput), latency.create_infer_request()

    def inputs(batch: Batch) -> dict[str, np.ndarray]:
        return dict(zip(("input_ids", "attention_mask"), batch, strict=True))

    def score(batches: list[Batch]) -> list[np.ndarray]:
        if len(batches) == 1:
            return [single.infer(inputs(batches[0]))[0]]
        logits = [None] * len(batches)
        queue.set_callback(lambda request, i: logits.__setitem__(i, request.get_output_tensor(0).data.copy()))
        for i, batch in enumerate(batches):
            queue.start_async(inputs(batch), i)
        queue.wait_all()
        return logits

    measure(lambda texts: sorted_batches(tokenizer, score, texts, 16, pad_id))


if __name__ == "__main__":
    main()
