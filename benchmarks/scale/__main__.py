"""Time and memory of every stage on 573,913 long rows, and whether tokenize's memory grows with the rows.

    python -m benchmarks.scale                  # the stages before training: half an hour on two cores
    python -m benchmarks.scale --train          # all stages: hours without a GPU
    python -m benchmarks.scale --rows 20000     # a trial; nothing is written

Rows as in benchmarks/split: distinct, of about 1,470 characters, one in twenty a near-copy. The stages before training
run on all of them, and once more on 100,000. Training then sees 1% of the training rows, so 1% of the steps; 2% of the
rows are test rows. Memory is that of a process and its descendants. Writes benchmarks/scale/results.json after each
part.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path

from benchmarks.measure import run
from benchmarks.pipeline import STAGES, change, prepare_rows, stages_up_to
from benchmarks.split.__main__ import generate
from strata.base.cores import cores
from strata.base.files import write_json

HERE = Path(__file__).parent
ROWS, FEWER = 573_913, 100_000
RECIPE = {
    "source": {"train": "rows.parquet", "test": None},
    "columns": {"text": "text", "label": "label", "group": None},
    "labels": {"no_spoiler": 0, "spoiler": 1},
    "positive": "spoiler",
    "keep": {},
    "clean": ["whitespace"],
    "annotate": [],
    "sample": None,
    "language": "en",
}
SMALL_PARTS = {"split": {"validation": 0.01, "test": 0.02}}
FEW_STEPS = {"resample": {"share": 0.01}}


def measured(folder: Path, stages: list[str]) -> dict[str, dict[str, float]]:
    """Run stages; return seconds and GB of each."""
    figures = {}
    for stage in stages:
        command = STAGES[stage]["cmd"].replace("${recipe}", "scale").removeprefix("python -m ")
        figures[stage] = {key: round(value, 2) for key, value in run(folder, (command,)).items()}
        print(f"--- {stage}: {figures[stage]['s']:.0f} s, {figures[stage]['gb']:.2f} GB", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--train", action="store_true")
    args = parser.parse_args()
    fewer_rows = FEWER * args.rows // ROWS
    results = {"cores": cores(), "machine": platform.machine(), "rows": args.rows, "fewer_rows": fewer_rows}

    def add(**measured: object) -> None:
        results.update(measured)
        if args.rows == ROWS:
            write_json(HERE / "results.json", results)

    with tempfile.TemporaryDirectory() as temporary:
        prepare_rows(Path(temporary), "scale", RECIPE, {"rows.parquet": generate(fewer_rows)}, SMALL_PARTS)
        fewer = measured(Path(temporary), stages_up_to("tokenize"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare_rows(folder, "scale", RECIPE, {"rows.parquet": generate(args.rows)}, SMALL_PARTS)
        every = measured(folder, stages_up_to("baseline"))
        split = json.loads((folder / "metrics/split.json").read_text(encoding="utf-8"))
        add(
            rows_of_split={name: split[name]["rows"] for name in ("train", "validation", "test")},
            stages_with_fewer_rows=fewer,
            stages=every,
            tokenize_memory_growth=round(every["tokenize"]["gb"] / fewer["tokenize"]["gb"], 3),
        )
        if args.train:
            change(folder, FEW_STEPS)
            later = [stage for stage in STAGES if stage not in ("ingest", "standardize", "split")]
            add(stages_with_1_percent_of_the_steps=measured(folder, later))
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
