"""Run every recipe whose data are here, with the settings of params.yaml, and write down what comes out.

    python -m benchmarks.recipes               # all stages of all recipes: an hour and a half on two cores
    python -m benchmarks.recipes --baseline    # up to the baseline, nothing written: two minutes
    python -m benchmarks.recipes office imdb   # these alone; the others keep their recorded figures

Each recipe runs in a temporary folder, by the command lines of dvc.yaml. Writes benchmarks/recipes/results.json.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.pipeline import ROOT, STAGES, prepare, run
from strata.settings.yaml_loader import read_yaml

HERE = Path(__file__).parent
SCORES = ("accuracy", "f1", "f1_macro", "roc_auc", "mcc")


def summary(metrics: dict[str, dict]) -> dict:
    """What the README's table says of a recipe: its rows, and the scores on its test rows."""

    def scores(of: dict) -> dict:
        ends = {end: round(value, 4) for end, value in of["interval"]["accuracy"].items()}
        return {name: round(of[name], 4) for name in SCORES} | {"interval": {"accuracy": ends}}

    baseline, evaluated = metrics["baseline"], metrics["evaluate"]
    return {
        "rows_read": sum(part["rows_read"] for part in metrics["standardize"].values()),
        "rows": {split: metrics["split"][split]["rows"] for split in ("train", "validation", "test")},
        "copies": metrics["split"]["copies"],
        "majority": scores(baseline["majority"]),
        "tfidf": scores(baseline["tfidf"]),
        "fine_tuned": scores(evaluated),
        "int8": scores(metrics["quantize"]),
        "beside_tfidf": evaluated["against"]["tfidf"]["words"],
        "ece": {when: round(evaluated["calibration"][when]["ece"], 4) for when in ("before", "after")},
        "changed": {kind: found["changed"] for kind, found in evaluated["behaviour"].items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*")
    parser.add_argument("--baseline", action="store_true")
    args = parser.parse_args()
    names = args.recipes or sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml") if path.stem != "template")
    output = HERE / "results.json"
    results = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    missing = []
    for recipe in names:
        source = read_yaml(ROOT / f"recipes/{recipe}.yaml")["source"]["train"]
        if "://" not in source and not (ROOT / "data/raw" / recipe / source).exists():
            missing.append(f"{recipe}: data/raw/{recipe}/{source} is not here; its recipe says how to get it")
            continue
        print(f"--- {recipe}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), recipe, {})
            wanted = list(STAGES)[: list(STAGES).index("baseline") + 1] if args.baseline else STAGES
            metrics = {stage: run(Path(folder), recipe, stage) for stage in wanted}
        if not args.baseline:
            results[recipe] = summary(metrics)
            output.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(missing))


if __name__ == "__main__":
    main()
