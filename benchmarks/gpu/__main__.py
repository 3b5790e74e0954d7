"""Train on a GPU: rows per second beside a Trainer's, and whether runs repeat, resume and stay finite.

    python -m benchmarks.gpu           # on any machine with CUDA; about ten minutes on an H100
    python -m benchmarks.gpu FOLDER    # on rows that `python -m benchmarks.gpu.rows FOLDER` made, perhaps elsewhere

Speeds: the default checkpoint on short texts, and a model of BERT-base's size with random weights on texts of up to 512
tokens. Every arm trains in batches of as many rows, in turn; figures are medians. An arm with unpadded attention needs
the package flash_attn. Writes benchmarks/gpu/results.json after each part.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import transformers

from . import checks, rows, speed

RESULTS = Path(__file__).parent / "results.json"


def measure(folder: Path) -> None:
    results = {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "transformers": transformers.__version__,
    }

    def add(name: str, result: dict) -> None:
        results[name] = result
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(json.dumps({name: result}, indent=2), flush=True)

    short, long = folder / "short", folder / "long"
    add("one_token", checks.precisions(short))
    add("repeats", checks.repeats(short))
    add("processes", checks.processes(short))
    add_speeds(add, {"short": short, "long": long})


def add_speeds(add: Callable[[str, dict], None], projects: dict[str, Path]) -> None:
    """Measure all arms; those that have to be compiled come last, since they take longest."""
    speed.use_base_model(projects["long"])
    measured = {}
    for name, project in projects.items():
        measured[name] = speed.speeds(project, speed.ARMS, speed.REPEATS)
        add(name, speed.summary(*measured[name]))
    for name, project in projects.items():
        compiled, not_compiled = speed.speeds(project, speed.COMPILED, repeats=1)
        arms, missing = measured[name]
        add(name, speed.summary(arms | compiled, missing | not_compiled))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    folder = parser.parse_args().folder
    if not torch.cuda.is_available():
        raise SystemExit("no GPU that CUDA can use; the other benchmarks need none")
    if folder:
        measure(folder.resolve())
        return
    with tempfile.TemporaryDirectory() as made:
        rows.make(Path(made))
        measure(Path(made))


if __name__ == "__main__":
    main()
