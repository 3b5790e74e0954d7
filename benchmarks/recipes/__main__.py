"""Run every recipe whose data are present, with the settings of params.yaml, and record its scores.

    python -m benchmarks.recipes               # all stages of all recipes: an hour and a half on two cores
    python -m benchmarks.recipes --baseline    # stages up to the baseline, nothing is written: two minutes
    python -m benchmarks.recipes office imdb   # only these; the others keep their recorded figures
    python -m benchmarks.recipes imdb -S train.epochs=2    # with other settings, which are recorded, too

Each recipe runs in a temporary folder, with the command lines of dvc.yaml. Writes benchmarks/recipes/results.json.
"""

import argparse
import json
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.pipeline import ROOT, STAGES, add_settings, by_section, prepare, run_timed, stages_up_to, verdict
from strata.settings.yaml_loader import read_yaml

HERE = Path(__file__).parent
SCORES = ("accuracy", "f1", "f1_macro", "roc_auc", "mcc")


def missing_source(recipe: str) -> str | None:
    """Return the path of a recipe's source file if it is missing."""
    source = read_yaml(ROOT / f"recipes/{recipe}.yaml")["source"]["train"]
    is_missing = "://" not in source and not (ROOT / "data/raw" / recipe / source).exists()
    return f"data/raw/{recipe}/{source}" if is_missing else None


def chosen_scores(scores: dict) -> dict:
    """Return SCORES, and the interval of the accuracy."""
    return {name: scores[name] for name in SCORES} | {"interval": {"accuracy": scores["interval"]["accuracy"]}}


def summary(metrics: dict[str, dict]) -> dict:
    """Return the figures of one recipe: its rows, and the scores on its test rows. metrics: by stage."""
    scores = metrics["baseline"]["scores"] | metrics["evaluate"]["scores"] | metrics["quantize"]["scores"]
    ece = {"before": scores["uncalibrated", "test"]["ece"], "after": scores["fp32", "test"]["ece"]}
    return {
        "rows_read": sum(part["rows_read"] for part in metrics["standardize"].values()),
        "rows": {split: metrics["split"][split]["rows"] for split in ("train", "validation", "test")},
        "copies": metrics["split"]["copies"],
        "max_length": metrics["tokenize"]["max_length"],
        "truncated_share": metrics["tokenize"]["test"]["truncated_share"],
        "majority": chosen_scores(scores["majority", "test"]),
        "tfidf": chosen_scores(scores["tfidf", "test"]),
        "fine_tuned": chosen_scores(scores["fp32", "test"]),
        "int8": chosen_scores(scores["int8", "test"]),
        "ece": ece,
    }


def told(folder: Path) -> dict:
    """Return the verdict against TF-IDF, and the share of predictions that each change of a text changes."""
    changes = pd.read_csv(folder / "plots/evaluate/behaviour.csv").set_index("change")["changed"]
    return {"beside_tfidf": verdict(folder, "tfidf"), "changed": changes.to_dict()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*")
    parser.add_argument("--baseline", action="store_true")
    add_settings(parser)
    args = parser.parse_args()
    names = args.recipes or sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml") if path.stem != "template")
    output = HERE / "results.json"
    results = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    missing = []
    for recipe in names:
        if path := missing_source(recipe):
            missing.append(f"{recipe}: {path} is missing; the recipe says how to get it")
            continue
        print(f"--- {recipe}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), recipe, by_section(args.settings))
            stages = stages_up_to("baseline") if args.baseline else STAGES
            metrics, seconds = run_timed(Path(folder), recipe, stages)
            if not args.baseline:
                results[recipe] = summary(metrics) | told(Path(folder))
                results[recipe] |= {"settings": args.settings, "seconds": seconds}
        if not args.baseline:
            output.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(missing))


if __name__ == "__main__":
    main()
