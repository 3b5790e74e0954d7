"""Training rows per second, compared with a Hugging Face Trainer on the same rows and model.

    python -m benchmarks.train                # after dvc repro; a quarter of an hour on two cores
    python -m benchmarks.train --quality      # also complete runs of Strata and the fair Trainer: some minutes more

The fair Trainer has its best flags: bf16 where the CPU has it, texts of similar length together, fused AdamW. The plain
Trainer computes in fp32, draws rows at random and pads each batch to its longest text (as transformers'
run_classification.py does without --pad_to_max_length), to 128 tokens, or to 512. Two arms are Strata with one CPU
optimization off. All arms run in turn, REPEATS times; figures are medians. The first step of each process is not
counted. The profile says how much of a step each kind of operation takes. Writes benchmarks/train/results.json.

Operations per step: in a transformer with L layers of width h and inner width f, the forward pass multiplies each token
with 4 h^2 + 2 h f weights per layer, at two operations each, and in attention with the t tokens of its text, twice. The
backward pass takes twice as many operations. The peak is the rate of the fastest of several square bf16 matrix
products. A realistic upper limit for this model is the rate of its linear layers' products alone, with the shapes of a
batch: forward, and for the gradients of input and weight.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from strata.base.cores import cores

from . import ROOT

HERE = Path(__file__).parent
ARMS = {
    "strata": ("strata", "60"),
    "without_fast_dropout": ("strata", "60", "dropout"),
    "without_bf16_activations": ("strata", "60", "activations"),
    "trainer_fair": ("notebook", "fair", "60"),
    "trainer_dynamic": ("notebook", "dynamic", "30"),
    "trainer_128": ("notebook", "128", "12"),
    "trainer_512": ("notebook", "512", "3"),
}
REPEATS = 5
WARM_UP = 1  # steps
BATCH_TOKENS = 900  # about those of 32 rows of the default data


def measured(module: str, *argv: str) -> dict:
    """Run a module of this package in a new process and return what it measured."""
    process = subprocess.run(
        [sys.executable, "-m", f"benchmarks.train.{module}", *argv],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(process.stdout.splitlines()[-1])


def peak_gflops() -> float:
    """Return the highest rate of a bf16 matrix product on this machine, in 10^9 operations per second."""
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


def layer_gflops(config: dict, tokens: int) -> float:
    """Return the rate of a layer's bf16 matrix products alone, in 10^9 operations per second. tokens: in a batch."""
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
    """Return the operations of one training row with this number of tokens."""
    layers, h, f = (config[key] for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    return 3 * 2 * layers * tokens * (4 * h * h + 2 * h * f + 2 * tokens * h)


def rows_per_second(arm: str) -> tuple[float, float | None]:
    """Run an arm. Return its rows per second, and the mean tokens of a row, which only strata's module measures."""
    module, *argv = ARMS[arm]
    measurement = measured(module, *argv)
    seconds = measurement["seconds"][WARM_UP:]
    if module != "strata":
        return measurement["rows"] * len(seconds) / sum(seconds), None
    rows = sum(measurement["rows"][WARM_UP:])
    return rows / sum(seconds), sum(measurement["tokens"][WARM_UP:]) / rows


def speeds(arms: dict[str, list[float]]) -> dict:
    """Return the medians, each repeat, and the speedup over every other arm. arms: rows per second in each repeat."""
    return {
        "rows_a_second": {arm: round(statistics.median(values), 2) for arm, values in arms.items()},
        "each_repeat": {arm: [round(value, 2) for value in values] for arm, values in arms.items()},
        "times_faster_than": {
            arm: round(statistics.median(s / o for s, o in zip(arms["strata"], values, strict=True)), 2)
            for arm, values in arms.items()
            if arm != "strata"
        },
    }


def utilization(
    config: dict, row_tokens: float, strata_rows_per_second: float, peaks: list[float], layers: list[float]
) -> dict:
    """Return the operations per second of training, next to the peak and to a layer's products alone.

    peaks, layers: 10^9 operations per second in each repeat.
    """
    gflop, peak, layer = operations(config, row_tokens) / 1e9, statistics.median(peaks), statistics.median(layers)
    gflops = gflop * strata_rows_per_second
    return {
        "tokens_a_row": round(row_tokens, 1),
        "gflop_a_row": round(gflop, 3),
        "gflops": round(gflops, 1),
        "bf16_peak_gflops": round(peak, 1),
        "share_of_peak": round(gflops / peak, 3),
        "gflops_of_its_products_alone": round(layer, 1),
        "share_of_peak_of_its_products_alone": round(layer / peak, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", action="store_true")
    with_quality = parser.parse_args().quality
    config = json.loads((ROOT / "models/train/config.json").read_text(encoding="utf-8"))
    arms, peaks, layers, row_tokens = {arm: [] for arm in ARMS}, [], [], []
    for _ in range(REPEATS):
        peaks.append(peak_gflops())
        layers.append(layer_gflops(config, BATCH_TOKENS))
        for arm in ARMS:
            speed, tokens = rows_per_second(arm)
            arms[arm].append(speed)
            if tokens is not None:
                row_tokens.append(tokens)
    results = {"cores": cores(), "machine": platform.machine(), "repeats": REPEATS} | speeds(arms)
    strata_speed = results["rows_a_second"]["strata"]
    results |= utilization(config, statistics.median(row_tokens), strata_speed, peaks, layers)
    results["profile"] = measured("profile", "43")
    output = HERE / "results.json"
    if with_quality:
        results["quality"] = time_to_quality({arm: measured("quality", arm) for arm in ("fair", "strata")})
    elif output.exists():
        results |= {k: v for k, v in json.loads(output.read_text(encoding="utf-8")).items() if k == "quality"}
    output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


def time_to_quality(curves: dict[str, dict[str, list[float]]]) -> dict:
    """Return the accuracy on validation rows with which the fair Trainer ends, and when each arm first reaches it.

    curves: of `quality`, by arm. Strata's seconds are None where it never does.
    """
    accuracy = curves["fair"]["accuracy"][-1]

    def first(arm: str) -> float | None:
        points = zip(curves[arm]["seconds"], curves[arm]["accuracy"], strict=True)
        return next((seconds for seconds, reached in points if reached >= accuracy), None)

    ours, theirs = first("strata"), first("fair")
    share = None if ours is None else round(ours / theirs, 2)
    return {"accuracy": accuracy, "trainer_fair": theirs, "strata": ours, "share": share, "curves": curves}


if __name__ == "__main__":
    main()
