"""What a score gains from balancing before splitting, the mistake that this pipeline makes impossible.

    python -m benchmarks.tainted             # rotten_tomatoes and office: an hour on two cores
    python -m benchmarks.tainted office

Two arms on the same rows, with the settings of params.yaml but for `resample`. Honest: the pipeline as it is, which
splits and then oversamples the training rows. Tainted: the whole table is oversampled, and then split at random by row,
as in a notebook. Both labels of Rotten Tomatoes have as many rows, so each is doubled; the rarer label of The Office is
oversampled up to the other's rows.

Inflation is the tainted score less the honest one, in points (hundredths). Its 95% interval is a bootstrap over the
source's rows, a row's copies drawn together. Balanced accuracy and ROC-AUC do not change with the share of each label,
which oversampled test rows have changed. Writes benchmarks/tainted/results.json.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics as sk
from sklearn.model_selection import train_test_split

from benchmarks.pipeline import STAGES, prepare, run
from stages.baseline import baselines
from stages.evaluate.rows import read
from stages.evaluate.scorer import Scorer, load
from stages.resample import resample, targets
from strata.base import tables
from strata.labels import read_labels
from strata.settings.params import Params
from strata.settings.reader import read_settings
from strata.softmax import softmax

HERE = Path(__file__).parent
RESAMPLE = {
    "rotten_tomatoes": {"strategy": "factors", "factors": {"negative": 2, "positive": 2}},
    "office": {"strategy": "oversample"},
}
DRAWS = 1000


def split_naively(folder: Path, settings: Params) -> np.ndarray:
    """Oversample all rows, then split them by row; rows get new ids, and the source's are returned: (rows,)."""
    names = read_labels(folder / "data/standardize/labels.json").names
    rows = tables.read(folder / "data/standardize/train.parquet", tables.ROWS.names)
    counts = [int((rows["label"] == label).sum()) for label in range(len(names))]
    factors = [settings.resample.factors[name] for name in names] if settings.resample.factors else []
    rows = resample(rows, targets(counts, settings.resample.strategy, factors), settings.seed)
    source = rows["id"].to_numpy()
    rows = rows.assign(id=np.arange(len(rows)))
    random = {"random_state": settings.seed}
    rest, test = train_test_split(rows, test_size=settings.split.test, stratify=rows["label"], **random)
    share = settings.split.validation / (1 - settings.split.test)
    train, validation = train_test_split(rest, test_size=share, stratify=rest["label"], **random)
    for name, part in {"train": train, "validation": validation, "test": test}.items():
        tables.write_frame(folder / f"data/split/{name}.parquet", part.sort_values("id"))
    tables.write_frame(folder / "data/resample/train.parquet", train.sort_values("id"))
    return source


def predictions(folder: Path, recipe: str, tainted: bool) -> tuple[dict[str, pd.DataFrame], float]:
    """Run one arm. Returns: by model, test rows (source, label, probability of the positive label); share seen."""
    prepare(folder, recipe, {"resample": RESAMPLE[recipe]})
    settings, _ = read_settings(folder / "params.yaml", folder / "recipes")
    source = None
    for stage in list(STAGES)[: list(STAGES).index("train") + 1]:
        if tainted and stage == "split":
            for name in ("split", "resample"):
                (folder / "data" / name).mkdir()
            source = split_naively(folder, settings)
        elif not (tainted and stage == "resample") and stage != "baseline":
            run(folder, recipe, stage)
    labels = read_labels(folder / "data/standardize/labels.json")
    positive, test = labels.positive_id, tables.read(folder / "data/split/test.parquet")
    train = tables.read(folder / "data/resample/train.parquet")
    tokens, _ = read(folder / "data/tokenize/test")
    test = test.set_index("id").loc[tokens.id].reset_index()
    # both as balanced as they were fitted: scores that take no notice of the labels' shares need no prior
    tfidf = baselines(train, train, {"test": test}, labels.names, settings.baseline)["tfidf"]["test"]
    # not by the stage evaluate, which looks up columns of the source by ids that tainted rows do not have
    predictor = Scorer(load(folder / "models/train"), folder / "models/train", 64, settings.tokenize.max_length)
    fine_tuned = softmax(predictor.logits(tokens.input_ids))
    to_source = (lambda ids: ids) if source is None else (lambda ids: source[ids])
    rows = pd.DataFrame({"source": to_source(test["id"].to_numpy()), "label": (test["label"] == positive).to_numpy()})
    seen = float(np.isin(rows["source"], to_source(train["id"].to_numpy())).mean())
    scored = {"tfidf": tfidf, "fine_tuned": fine_tuned}
    return {model: rows.assign(probability=shares[:, positive]) for model, shares in scored.items()}, seen


def scores(rows: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
    """Score rows, each counted `weight` times: (scores,), in the order of SCORES."""
    truth, probability = rows["label"].to_numpy(), rows["probability"].to_numpy()
    predicted = probability > 0.5
    return np.array(
        [
            sk.accuracy_score(truth, predicted, sample_weight=weight),
            sk.balanced_accuracy_score(truth, predicted, sample_weight=weight),
            sk.f1_score(truth, predicted, sample_weight=weight),
            sk.roc_auc_score(truth, probability, sample_weight=weight),
        ]
    )


SCORES = ("accuracy", "balanced_accuracy", "f1", "roc_auc")


def bootstrap(rows: pd.DataFrame, seed: int) -> np.ndarray:
    """Scores of rows drawn anew, all copies of a source row together: (DRAWS, scores)."""
    random = np.random.default_rng(seed)
    _, source = np.unique(rows["source"], return_inverse=True)
    n = source.max() + 1
    draws = []
    for _ in range(DRAWS):
        drawn = np.bincount(random.integers(n, size=n), minlength=n)
        weight = drawn[source]
        draws.append(scores(rows[weight > 0], weight[weight > 0]))
    return np.array(draws)


def compare(honest: pd.DataFrame, tainted: pd.DataFrame) -> dict[str, dict]:
    """Return for each score both arms', and the inflation in points with its interval."""
    both = [scores(rows, np.ones(len(rows))) for rows in (honest, tainted)]
    drawn = bootstrap(tainted, 1) - bootstrap(honest, 0)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {
        name: {
            "honest": round(both[0][i], 4),
            "tainted": round(both[1][i], 4),
            "inflation_points": round(100 * (both[1][i] - both[0][i]), 1),
            "low": round(100 * low[i], 1),
            "high": round(100 * high[i], 1),
        }
        for i, name in enumerate(SCORES)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=", ".join(RESAMPLE))
    names = parser.parse_args().recipes or list(RESAMPLE)
    output = HERE / "results.json"
    results = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    for recipe in names:
        arms = []
        for tainted in (False, True):
            print(f"--- {recipe}, {'tainted' if tainted else 'honest'}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                arms.append(predictions(Path(folder), recipe, tainted))
        (honest, _), (tainted, seen) = arms
        results[recipe] = {
            "test_rows": {"honest": len(honest["tfidf"]), "tainted": len(tainted["tfidf"])},
            "share_of_tainted_test_rows_in_training": round(seen, 4),
            "scores": {model: compare(honest[model], tainted[model]) for model in honest},
        }
        output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
