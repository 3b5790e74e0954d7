"""Texts a second and milliseconds of one text: the int8 model beside PyTorch, its own fp32 form, and OpenVINO.

    pip install -r requirements-openvino.txt
    python -m benchmarks.inference    # after dvc repro; writes benchmarks/inference/results.json, ten minutes

From text to label, the tokenizer included, on the test rows of the recorded run. Each arm is a process of its own; all
run in turn, REPEATS times, and figures are medians, ratios medians of the ratios in each turn. PyTorch runs in the
batches of 16 and of 32 by length, the predictor a text a core at a time. Start-up is that of a whole cold process.
"""

import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from strata import cpu
from strata.base import tables
from strata.base.cores import cores
from strata.runtime.predictor import FP32, QUANTIZED

from . import ROOT, texts

HERE = Path(__file__).parent
REPEATS = 5
ARMS = {
    "notebook": ("torch_loop", "fp32", "padded"),
    "torch_fp32": ("torch_loop", "fp32", "sorted", "16"),
    "torch_fp32_larger_batches": ("torch_loop", "fp32", "sorted", "32"),
    "torch_bf16": ("torch_loop", "bf16", "sorted", "16"),
    "torch_bf16_larger_batches": ("torch_loop", "bf16", "sorted", "32"),
    "onnx_fp32": ("strata", FP32),
    "int8": ("strata", QUANTIZED),
    "int8_batches": ("batched",),
    "openvino": ("openvino_loop", FP32),
    "openvino_int8": ("openvino_loop", QUANTIZED),
}
STARTS = {
    "import_s": ("-c", "from strata import Predictor"),
    "first_prediction_s": ("-m", "strata", "predict", "models/quantize", "a warm, funny film"),
}


def run(words: tuple[str, ...]) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.inference.{words[0]}", *words[1:]],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def seconds(words: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def ratio(turns: list[dict], figure: str, one: str, other: str) -> float:
    return round(statistics.median(turn[one][figure] / turn[other][figure] for turn in turns), 2)


def main() -> None:
    turns = [{arm: run(words) for arm, words in ARMS.items()} for _ in range(REPEATS)]
    truth = tables.read(ROOT / "data/split/test.parquet").sort_values("id")["label"].to_numpy()
    labels = {arm: np.array(found["labels"]) for arm, found in turns[0].items()}
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "cpu": cpu.flags(),
        "texts": len(texts()),
        "repeats": REPEATS,
        "arms": {
            arm: {
                "rows_a_second": round(statistics.median(turn[arm]["rows_a_second"] for turn in turns), 1),
                "each_repeat": [round(turn[arm]["rows_a_second"], 1) for turn in turns],
                "single_ms": round(statistics.median(turn[arm]["single_ms"] for turn in turns), 2),
                "accuracy": round(float((labels[arm] == truth).mean()), 6),
                "agreement_with_fp32": round(float((labels[arm] == labels["torch_fp32"]).mean()), 6),
            }
            for arm in ARMS
        },
        "share_of_int8_labels_that_differ_in_batches": round(
            float((labels["int8"] != labels["int8_batches"]).mean()), 4
        ),
        "int8_times_as_many_rows_as": {
            arm: ratio(turns, "rows_a_second", "int8", arm) for arm in ARMS if arm != "int8"
        },
        "int8_single_times_as_fast_as": {arm: ratio(turns, "single_ms", arm, "int8") for arm in ARMS if arm != "int8"},
        "size_mb": {
            name: round((ROOT / "models/quantize" / name).stat().st_size / 1e6, 2) for name in (FP32, QUANTIZED)
        },
        "start": {
            name: round(statistics.median(seconds(words) for _ in range(7)), 2) for name, words in STARTS.items()
        },
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
