"""What does each setting for few labels bring, on and off, on 1,000 rows of each set?

    python -m benchmarks.ablations --jobs 10                           # minutes on a GPU, hours on two cores
    python -m benchmarks.ablations office --rows 250 --settings augment    # a part; writes nothing

Each setting is compared with the same run without it, on the same validation rows: those of all folds of the training
and validation rows together (split.validation_folds). No test row is scored. Settings that only show once a model is
trained for long enough are compared with a run of a least number of steps. Writes benchmarks/ablations/results.json.
"""

import argparse
import multiprocessing
import os
import tempfile
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.pipeline import prepare
from strata.base.cores import cores
from strata.base.files import write_json
from strata.intervals.significance import paired_comparison
from strata.settings.overrides import Overrides, changed
from strata.settings.yaml_loader import read_yaml
from strata.sweeping.trial import Scored

from .folds import joined, of_fold, run

HERE = Path(__file__).parent
SETS = ("rotten_tomatoes", "imdb_1000", "office")
MORE_STEPS = {"train.min_steps": 100, "train.patience": None}


class Arm(NamedTuple):
    """A run with a setting. beside: the arm that it is compared with."""

    settings: Overrides
    beside: str | None


ARMS = {
    "off": Arm({"train.min_steps": None}, None),
    "min_steps": Arm(MORE_STEPS, "off"),
    "augment": Arm(MORE_STEPS | {"resample.augment": 2}, "min_steps"),
}


class Size(NamedTuple):
    """rows: of a set, test rows included. max_length: tokens that the model reads."""

    rows: int
    folds: int
    max_length: int

    @property
    def settings(self) -> Overrides:
        """What all arms share."""
        return {
            "split.validation_folds": self.folds,
            "tokenize.max_length": self.max_length,
            "train.batch_size": 16,
            "train.evaluations_per_epoch": 1,
            "train.deterministic": True,  # so that it repeats on a GPU, too
        }


def comparison(ours: Scored, theirs: Scored) -> dict:
    """Return the differences in accuracy and log loss with 95% intervals, paired by row, and the verdict in words."""
    assert ours.rows["id"].tolist() == theirs.rows["id"].tolist()
    rows, unit = ours.rows, ours.rows["unit"].to_numpy()
    probabilities = (np.stack(each.rows["probabilities"]) for each in (ours, theirs))
    result = paired_comparison(rows["label"].to_numpy(), *probabilities, ours.labels.positive_id, unit, seed=1)
    return {f"{metric}_difference": result[metric] for metric in ("accuracy", "log_loss")} | {
        "words": result["words"],
        "times_the_compute": round(ours.compute / theirs.compute, 2),
    }


def of_set(recipe: str, names: list[str], size: Size, pool: Executor) -> dict:
    """Return the rows of a set, and by arm its accuracy and its comparison."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, recipe, {})
        write_json(folder / "params.yaml", changed(read_yaml(folder / "params.yaml"), size.settings))
        path = folder / f"recipes/{recipe}.yaml"
        write_json(path, read_yaml(path) | {"sample": size.rows})  # JSON is YAML
        pool.submit(run, folder, recipe, "ingest", "standardize").result()
        folds = {
            name: [pool.submit(of_fold, folder, recipe, ARMS[name].settings, fold) for fold in range(size.folds)]
            for name in names
        }
        runs = {name: joined([fold.result() for fold in of_arm]) for name, of_arm in folds.items()}
    arms = {}
    for name, ours in runs.items():
        right = [np.argmax(p) == label for p, label in zip(ours.rows["probabilities"], ours.rows["label"], strict=True)]
        arms[name] = {"accuracy": round(float(np.mean(right)), 4)}
        if beside := ARMS[name].beside:
            arms[name] |= {"beside": beside, **comparison(ours, runs[beside])}
    return {"validation_rows": len(runs[names[0]].rows), "arms": arms}


def written(gap: dict, scale: float, digits: int) -> str:
    """Return a difference with its interval."""
    return "{0:+.{3}f} ({1:+.{3}f} to {2:+.{3}f})".format(
        *(scale * gap[name] for name in ("difference", "low", "high")), digits
    )


def table(results: dict) -> str:
    """Return the results as a table of Markdown: differences in points of accuracy and in log loss."""
    lines = ["| set | setting | beside | accuracy | difference, points | log loss, difference | compute |"]
    lines.append("|---|---|---|---|---|---|---|")
    for recipe, of_recipe in results["sets"].items():
        for name, arm in of_recipe["arms"].items():
            cells = [recipe, name, "", f"{arm['accuracy']:.3f}", "", "", ""]
            if "beside" in arm:
                points = written(arm["accuracy_difference"], 100, 1)
                loss = written(arm["log_loss_difference"], 1, 3)
                cells = [*cells[:2], arm["beside"], cells[3], points, loss, f"{arm['times_the_compute']:.1f} times"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def needed(names: list[str]) -> list[str]:
    """Return these arms and those that they are compared with, in the order of ARMS."""
    wanted = set(names)
    for name in reversed(ARMS):
        if name in wanted and ARMS[name].beside:
            wanted.add(ARMS[name].beside)
    return [name for name in ARMS if name in wanted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=f"default: {' '.join(SETS)}")
    parser.add_argument("--settings", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    args = parser.parse_args()
    size = Size(args.rows, args.folds, args.max_length)
    results: dict = {"size": size._asdict(), "sets": {}}
    os.environ["OMP_NUM_THREADS"] = str(max(1, cores() // args.jobs))
    with ProcessPoolExecutor(args.jobs, multiprocessing.get_context("spawn")) as pool:
        for recipe in args.recipes or SETS:
            results["sets"][recipe] = of_set(recipe, needed(args.settings), size, pool)
            print(table(results), flush=True)
    if not args.recipes and args.settings == list(ARMS):
        write_json(HERE / "results.json", results)


if __name__ == "__main__":
    main()
