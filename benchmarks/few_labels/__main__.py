"""How good is a model trained on 1,000 labelled reviews, compared with TF-IDF, when tested on the other 24,000?

    python -m benchmarks.few_labels                                   # over an hour on two cores, minutes on a GPU
    python -m benchmarks.few_labels --test-rows 2000                  # a trial; nothing is written
    python -m benchmarks.few_labels -S train.min_steps=null -S model.kind=transformer    # other settings, too

The rows are those of the recipe imdb_1000, cleaned as there; a tenth of them is for validation. All others of IMDb's
training set are the test file. Copies of test rows leave the training rows, as always. All stages run in a temporary
folder, with the settings of params.yaml. Writes benchmarks/few_labels/results.json.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path

import pandas as pd
import torch

from benchmarks.pipeline import ROOT, STAGES, add_settings, by_section, prepare, prepare_rows, run, run_timed, verdict
from strata.base.cores import cores
from strata.base.files import write_json
from strata.base.tables import read
from strata.settings.yaml_loader import read_yaml

HERE = Path(__file__).parent
RECIPE = "imdb_1000"


def cleaned(sample: int | None) -> pd.DataFrame:
    """Return the rows that standardize writes for the recipe. sample: how many; None for all."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, RECIPE, {})
        path = folder / f"recipes/{RECIPE}.yaml"
        write_json(path, read_yaml(path) | {"sample": sample})  # JSON is YAML
        for stage in ("ingest", "standardize"):
            run(folder, RECIPE, stage)
        return read(folder / "data/standardize/train.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_settings(parser)
    parser.add_argument("--test-rows", type=int)
    args = parser.parse_args()
    drawn, every = cleaned(1000), cleaned(None)
    others = every[~every["id"].isin(drawn["id"])]
    if args.test_rows:
        others = others.sample(args.test_rows, random_state=1)
    recipe = read_yaml(ROOT / f"recipes/{RECIPE}.yaml") | {"keep": {}, "clean": [], "sample": None}
    recipe["source"] = {"train": "drawn.parquet", "test": "others.parquet"}
    with tempfile.TemporaryDirectory() as temporary:
        folder, files = Path(temporary), {"drawn.parquet": drawn, "others.parquet": others}
        prepare_rows(folder, "few", recipe, files, by_section(args.settings))
        metrics, seconds = run_timed(folder, "few", STAGES)
        of_models = {**metrics["baseline"]["scores"], **metrics["evaluate"]["scores"], **metrics["quantize"]["scores"]}
        results = {
            "cores": cores(),
            "machine": platform.machine(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "settings": args.settings,
            "rows": {split: metrics["split"][split]["rows"] for split in ("train", "validation", "test")},
            "max_length": metrics["tokenize"]["max_length"],
            "accuracy": {
                model: {"value": of_test["accuracy"], **of_test["interval"]["accuracy"]}
                for (model, split), of_test in of_models.items()
                if split == "test" and model != "uncalibrated"
            },
            "beside_tfidf": verdict(folder, "tfidf"),
            "kinds": metrics["evaluate"]["kinds"],
            "seconds": seconds,
        }
    print(json.dumps(results, indent=2))
    if not args.test_rows and not args.settings:
        write_json(HERE / "results.json", results)


if __name__ == "__main__":
    main()
