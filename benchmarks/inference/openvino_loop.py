"""OpenVINO: python -m benchmarks.inference.openvino_loop onnx/model.onnx

It runs the fp32 model in bf16 where the CPU multiplies in it. Many texts: as many streams as it likes; one: one.
"""

import sys

import numpy as np
import openvino
from tokenizers import Tokenizer

from stages.shared.batches import Batch, by_length
from stages.shared.files import read_json

from . import ROOT, measure


def main() -> None:
    folder = ROOT / "models/quantize"
    pad_id = read_json(folder / "config.json")["pad_token_id"] or 0
    tokenizer, core = Tokenizer.from_file(str(folder / "tokenizer.json")), openvino.Core()
    model = core.read_model(folder / sys.argv[1])
    many, one = (core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint}) for hint in ("THROUGHPUT", "LATENCY"))
    queue, alone = openvino.AsyncInferQueue(many), one.create_infer_request()

    def named(batch: Batch) -> dict[str, np.ndarray]:
        return dict(zip(("input_ids", "attention_mask"), batch, strict=True))

    def predict(texts: list[str]) -> np.ndarray:
        order, batches = by_length([encoding.ids for encoding in tokenizer.encode_batch_fast(texts)], 16, pad_id)
        if len(texts) == 1:
            return alone.infer(named(batches[0]))[0].argmax(axis=1)
        found = [None] * len(batches)
        queue.set_callback(lambda request, i: found.__setitem__(i, request.get_output_tensor(0).data.copy()))
        for i, batch in enumerate(batches):
            queue.start_async(named(batch), i)
        queue.wait_all()
        labels = np.concatenate(found).argmax(axis=1)
        unsorted = np.empty_like(labels)
        unsorted[order] = labels
        return unsorted

    measure(predict)


if __name__ == "__main__":
    main()
