"""Rows a second in training, beside a plain Hugging Face Trainer in fp32 on the same rows and model.

    python -m benchmarks.train                # after dvc repro; a quarter of an hour on two cores
    python -m benchmarks.train --accuracy     # and whole runs of both, scored on the test rows: ten minutes more

The plain Trainer draws rows at random and pads each batch to its longest text (as transformers' run_classification.py
does without --pad_to_max_length), to 128 tokens, or to 512. All arms run in turn, three times, and the figures are
medians of the three; the first step of each process is left out. Writes benchmarks/train/results.json.

How many operations a step takes: a forward pass of a transformer of L layers of width h and inner width f multiplies
each token with 4 h^2 + 2 h f weights a layer, two operations each, and with t tokens of its text, twice, in its
attention; the backward pass takes twice as many. The peak is that of the largest of some square bf16 matrix products.
What a step of this model could reach at best is how fast its linear layers' products are by themselves, at the shapes
that they have in a batch: forward, and for the gradients of input and weight.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from strata.base.cores import cores

from . import ROOT

HERE = Path(__file__).parent
ARMS = {
    "strata": ("strata", "80"),
    "trainer_dynamic": ("notebook", "dynamic", "30"),
    "trainer_128": ("notebook", "128", "12"),
    "trainer_512": ("notebook", "512", "3"),
}
REPEATS = 3
WARM_UP = 1  # steps
BATCH_TOKENS = 900  # of 32 rows of the default data, about


def measured(*words: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.train.{words[0]}", *words[1:]],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_gflops() -> float:
    """Return the most bf16 operations a second that a matrix product reaches here, in 10^9."""
    import torch

    best = 0.0
    for n in (1024, 2048, 4096):
        a, b = (torch.randn(n, n, dtype=torch.bfloat16) for _ in range(2))
        a @ b
        seconds = []
        for _ in range(7):
            start = time.perf_counter()
            a @ b
            seconds.append(time.perf_counter() - start)
        best = max(best, 2 * n**3 / statistics.median(seconds) / 1e9)
    return best


def best_of_shapes(config: dict, tokens: int) -> float:
    """Return the bf16 operations a second, in 10^9, of a layer's products alone, in a batch of so many tokens."""
    import torch

    h, f = config["hidden_size"], config["intermediate_size"]
    shapes = [(h, h)] * 4 + [(h, f), (f, h)]
    x = {size: torch.randn(tokens, size, dtype=torch.bfloat16) for size in (h, f)}
    weights = [torch.randn(out, into, dtype=torch.bfloat16) for into, out in shapes]

    def layer() -> None:
        for (into, out), weight in zip(shapes, weights, strict=True):
            x[into] @ weight.T
            x[out] @ weight
            x[out].T @ x[into]

    layer()
    seconds = []
    for _ in range(30):
        start = time.perf_counter()
        layer()
        seconds.append(time.perf_counter() - start)
    return 3 * 2 * tokens * (4 * h * h + 2 * h * f) / statistics.median(seconds) / 1e9


def operations(config: dict, tokens: float) -> float:
    """Return the operations of one training row of so many tokens."""
    layers, h, f = (config[key] for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    return 3 * 2 * layers * tokens * (4 * h * h + 2 * h * f + 2 * tokens * h)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accuracy", action="store_true")
    with_accuracy = parser.parse_args().accuracy
    config = json.loads((ROOT / "models/train/config.json").read_text(encoding="utf-8"))
    speeds, peaks, alone, tokens = {arm: [] for arm in ARMS}, [], [], []
    for _ in range(REPEATS):
        peaks.append(peak_gflops())
        alone.append(best_of_shapes(config, BATCH_TOKENS))
        for arm, words in ARMS.items():
            taken = measured(*words)
            seconds = taken["seconds"][WARM_UP:]
            if arm == "strata":
                rows = sum(taken["rows"][WARM_UP:])
                tokens.append(sum(taken["tokens"][WARM_UP:]) / rows)
            else:
                rows = taken["rows"] * len(seconds)
            speeds[arm].append(rows / sum(seconds))
    rows_a_second = {arm: round(statistics.median(values), 2) for arm, values in speeds.items()}
    peak, row_tokens = statistics.median(peaks), statistics.median(tokens)
    gflops = operations(config, row_tokens) * rows_a_second["strata"] / 1e9
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "repeats": REPEATS,
        "rows_a_second": rows_a_second,
        "each_repeat": {arm: [round(value, 2) for value in values] for arm, values in speeds.items()},
        "times_faster_than": {
            arm: round(statistics.median(s / o for s, o in zip(speeds["strata"], values, strict=True)), 2)
            for arm, values in speeds.items()
            if arm != "strata"
        },
        "tokens_a_row": round(row_tokens, 1),
        "gflop_a_row": round(operations(config, row_tokens) / 1e9, 3),
        "gflops": round(gflops, 1),
        "bf16_peak_gflops": round(peak, 1),
        "share_of_peak": round(gflops / peak, 3),
        "gflops_of_its_products_alone": round(statistics.median(alone), 1),
        "share_of_peak_of_its_products_alone": round(statistics.median(alone) / peak, 3),
    }
    output = HERE / "results.json"
    if with_accuracy:
        results["accuracy"] = accuracies()
    elif output.exists():
        results |= {k: v for k, v in json.loads(output.read_text(encoding="utf-8")).items() if k == "accuracy"}
    output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


def accuracies() -> dict[str, float]:
    """Return the accuracy on validation and test rows of the recorded model, and of a plain Trainer's whole run."""
    from stages.evaluate.rows import read
    from stages.evaluate.scorer import Scorer, load

    def accuracy(folder: Path) -> float:
        predictor = Scorer(load(folder), ROOT / "models/train", batch_size=64, max_length=512)
        splits = [read(ROOT / "data/tokenize" / name)[0] for name in ("validation", "test")]
        right = [predictor.logits(rows.input_ids).argmax(axis=1) == rows.label for rows in splits]
        return round(float(np.concatenate(right).mean()), 4)

    steps = json.loads((ROOT / "metrics/train.json").read_text(encoding="utf-8"))["steps"]
    with tempfile.TemporaryDirectory() as folder:
        measured("notebook", "dynamic", str(steps), folder)
        found = {"strata": ROOT / "models/train", "trainer_dynamic": Path(folder)}
        return {name: accuracy(path) for name, path in found.items()}


if __name__ == "__main__":
    main()
