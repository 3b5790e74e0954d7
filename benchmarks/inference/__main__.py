"""Throughput and latency of the int8 model, compared with PyTorch, the fp32 model and OpenVINO.

    pip install -r requirements-openvino.txt
    python -m benchmarks.inference    # after dvc repro; writes benchmarks/inference/results.json, ten minutes

Measured from text to label, tokenizer included, on the test rows of the recorded run. Each arm runs in a process of its
own. All arms run in turn, REPEATS times; figures are medians over the repeats, and ratios are medians of the ratios in
each repeat. PyTorch gets batches of 16 and of 32 sorted by length, the predictor scores one text per core. Start-up
times are those of a new process.
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

from . import ROOT, recorded_texts

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


def run(arm: str) -> dict:
    """Run an arm in a new process and return what it measured."""
    module, *argv = ARMS[arm]
    process = subprocess.run(
        [sys.executable, "-m", f"benchmarks.inference.{module}", *argv],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(process.stdout.splitlines()[-1])


def seconds(argv: tuple[str, ...]) -> float:
    """Return the wall time of a new Python process with these arguments."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *argv], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def ratios(repeats: list[dict], figure: str) -> dict[str, float]:
    """Return by what factor int8 is better than every other arm: the median over the repeats."""

    def ratio(repeat: dict, arm: str) -> float:
        int8, other = repeat["int8"][figure], repeat[arm][figure]
        return other / int8 if figure == "single_ms" else int8 / other

    return {arm: round(statistics.median(ratio(repeat, arm) for repeat in repeats), 2) for arm in ARMS if arm != "int8"}


def arm_results(repeats: list[dict], labels: dict[str, np.ndarray], truth: np.ndarray) -> dict[str, dict]:
    """Return the figures of every arm. labels: predicted, (texts,) by arm. truth: (texts,)."""
    return {
        arm: {
            "rows_a_second": round(statistics.median(repeat[arm]["rows_a_second"] for repeat in repeats), 1),
            "each_repeat": [round(repeat[arm]["rows_a_second"], 1) for repeat in repeats],
            "single_ms": round(statistics.median(repeat[arm]["single_ms"] for repeat in repeats), 2),
            "accuracy": round(float((labels[arm] == truth).mean()), 6),
            "agreement_with_fp32": round(float((labels[arm] == labels["torch_fp32"]).mean()), 6),
        }
        for arm in ARMS
    }


def main() -> None:
    repeats = [{arm: run(arm) for arm in ARMS} for _ in range(REPEATS)]
    truth = tables.read(ROOT / "data/split/test.parquet").sort_values("id")["label"].to_numpy()
    labels = {arm: np.array(measurement["labels"]) for arm, measurement in repeats[0].items()}
    changed_in_batches = float((labels["int8"] != labels["int8_batches"]).mean())
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "cpu": cpu.flags(),
        "texts": len(recorded_texts()),
        "repeats": REPEATS,
        "arms": arm_results(repeats, labels, truth),
        "share_of_int8_labels_that_differ_in_batches": round(changed_in_batches, 4),
        "int8_times_as_many_rows_as": ratios(repeats, "rows_a_second"),
        "int8_single_times_as_fast_as": ratios(repeats, "single_ms"),
        "size_mb": {
            name: round((ROOT / "models/quantize" / name).stat().st_size / 1e6, 2) for name in (FP32, QUANTIZED)
        },
        "start": {name: round(statistics.median(seconds(argv) for _ in range(7)), 2) for name, argv in STARTS.items()},
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
