"""OpenVINO: python -m benchmarks.inference.openvino_loop onnx/model.onnx

It runs the fp32 model in bf16 where the CPU multiplies in it. Many texts: as many streams as it likes; one: one.
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
    many, one = (core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint}) for hint in ("THROUGHPUT", "LATENCY"))
    queue, alone = openvino.AsyncInferQueue(many), one.create_infer_request()

    def named(batch: Batch) -> dict[str, np.ndarray]:
        return dict(zip(("input_ids", "attention_mask"), batch, strict=True))

    def score(batches: list[Batch]) -> list[np.ndarray]:
        if len(batches) == 1:
            return [alone.infer(named(batches[0]))[0]]
        found = [None] * len(batches)
        queue.set_callback(lambda request, i: found.__setitem__(i, request.get_output_tensor(0).data.copy()))
        for i, batch in enumerate(batches):
            queue.start_async(named(batch), i)
        queue.wait_all()
        return found

    measure(lambda texts: sorted_batches(tokenizer, score, texts, 16, pad_id))


if __name__ == "__main__":
    main()
