"""Where the time of a training step goes, by kind of operation.

    python -m benchmarks.train.profile 40

Takes the number of steps. Reads data/tokenize. Prints each kind's share of the time as JSON, and the top 40 operations
to stderr.
"""

import json
import sys
from collections import Counter

from torch.profiler import ProfilerActivity, profile

from stages.train.plan import plan
from strata.settings.reader import read_settings

from . import ROOT, strata

KINDS = {  # matched in order, by the start of the name after "::"
    "matrix products": ("addmm", "mm", "bmm", "linear", "mkldnn_linear", "baddbmm", "matmul"),
    "optimizer": ("_fused_adamw",),
    "clipping": ("_foreach_norm", "linalg_vector_norm", "_foreach_mul", "stack", "norm"),
    "embeddings": ("embedding", "index_select", "zeros", "zero_"),
    "layer norm, softmax, GELU": ("native_layer_norm", "_softmax", "gelu", "_log_softmax"),
    "dropout": ("random_", "ge", "mul_"),
    "casts and copies": ("copy_", "to", "_to_copy", "clone", "cat", "contiguous"),
}
WARM_UP = 3


def kind(operation: str) -> str:
    """Return the kind of an operation, such as aten::addmm."""
    name = operation.rpartition("::")[2]
    return next((kind for kind, names in KINDS.items() if name in names or name.startswith(names)), "others")


def main() -> None:
    settings, _ = read_settings(ROOT / "params.yaml", ROOT / "recipes")
    training = strata.prepare(ROOT, settings)
    lengths = training.splits["train"].lengths
    batches = plan(lengths, settings.seed, settings.train, training.run.device.type).batches[: int(sys.argv[1])]
    steps = strata.steps(training, settings, strata.at_one_rate(batches, settings.train.lr / 100))
    for _ in range(WARM_UP):
        next(steps)
    with profile(activities=[ProfilerActivity.CPU]) as measured:
        for _ in steps:
            pass
    times: Counter[str] = Counter()
    for event in measured.key_averages():
        times[kind(event.key)] += event.self_cpu_time_total
    total = sum(times.values())
    print(json.dumps({name: round(time / total, 3) for name, time in times.most_common()}))
    print(measured.key_averages().table(sort_by="self_cpu_time_total", row_limit=40), file=sys.stderr)


if __name__ == "__main__":
    main()
