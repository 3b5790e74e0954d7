"""How much a score rises when rows are balanced before the split, a mistake that this pipeline makes impossible.

    python -m benchmarks.tainted             # rotten_tomatoes and office: an hour on two cores
    python -m benchmarks.tainted office

There are two arms on the same rows, with the settings of params.yaml except `resample`. Honest: the pipeline, which
splits first and then oversamples the training rows. Tainted: all rows are oversampled and then split at random, as in a
typical notebook. The labels of Rotten Tomatoes are balanced, so all its rows are doubled. In The Office, the rarer
label is oversampled to the rows of the other one.

Inflation is the tainted score minus the honest one, in percentage points. Its 95% interval is a bootstrap over the
source's rows; copies of a row are drawn together. Oversampling changes the prevalence in the tainted test rows, so
prevalence-independent scores (balanced accuracy, ROC-AUC) are reported too. Writes benchmarks/tainted/results.json.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics as sk
from sklearn.model_selection import train_test_split

from benchmarks.pipeline import prepare, run, stages_up_to
from stages.baseline import fitted_tfidf
from stages.evaluate.scorer import Scorer, load
from stages.resample.balance import resample, targets
from strata.base import tables
from strata.labels import read_labels
from strata.model.tokens import TokenizedRows, read_tokens
from strata.settings.params import Params
from strata.settings.reader import read_settings
from strata.softmax import softmax

HERE = Path(__file__).parent
RESAMPLE = {
    "rotten_tomatoes": {"strategy": "factors", "factors": {"negative": 2, "positive": 2}},
    "office": {"strategy": "oversample"},
}
DRAWS = 1000


def oversample(folder: Path, settings: Params) -> pd.DataFrame:
    """Return all rows of a project, oversampled. The copies of a row have its id."""
    names = read_labels(folder / "data/standardize/labels.json").names
    rows = tables.read(folder / "data/standardize/train.parquet", tables.ROWS.names)
    counts = [int((rows["label"] == label).sum()) for label in range(len(names))]
    factors = [settings.resample.factors[name] for name in names] if settings.resample.factors else []
    return resample(rows, targets(counts, settings.resample.strategy, factors), settings.seed)


def split_naively(folder: Path, settings: Params) -> np.ndarray:
    """Oversample all rows and split them at random. Rows get new ids. Return each row's id in the source: (rows,)."""
    rows = oversample(folder, settings)
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


def run_stages(folder: Path, recipe: str, settings: Params, tainted: bool) -> np.ndarray | None:
    """Run the stages up to train. Tainted: return the ids that `split_naively` returns, else None."""
    source = None
    for stage in stages_up_to("train"):
        if tainted and stage == "split":
            for name in ("split", "resample"):
                (folder / "data" / name).mkdir()
            source = split_naively(folder, settings)
        elif not (tainted and stage == "resample") and stage != "baseline":
            run(folder, recipe, stage)
    return source


def probabilities(folder: Path, test: pd.DataFrame, tokens: TokenizedRows, settings: Params) -> dict[str, np.ndarray]:
    """Return the probabilities of both models for the test rows: (rows, labels)."""
    train = tables.read(folder / "data/resample/train.parquet")
    # no prior shift, since the scores are compared at the prior that the models were trained at
    tfidf = np.exp(fitted_tfidf(train, settings.baseline).log_probabilities(test))
    # not by the stage evaluate, which needs outputs of split that the tainted arm does not have
    scorer = Scorer(load(folder / "models/train"), folder / "models/train", 64)
    return {"tfidf": tfidf, "fine_tuned": softmax(scorer.logits(tokens.input_ids))}


def predictions(folder: Path, recipe: str, tainted: bool) -> tuple[dict[str, pd.DataFrame], float]:
    """Run one arm.

    Returns: by model, the test rows (source, label, probability of the positive label); and the share of test rows
    whose source row is in training too.
    """
    prepare(folder, recipe, {"resample": RESAMPLE[recipe]})
    settings, _ = read_settings(folder / "params.yaml", folder / "recipes")
    source = run_stages(folder, recipe, settings, tainted)
    labels = read_labels(folder / "data/standardize/labels.json")
    tokens = read_tokens(folder / "data/tokenize/test")
    test = tables.read(folder / "data/split/test.parquet").set_index("id").loc[tokens.id].reset_index()
    train_ids, test_ids = tables.read(folder / "data/resample/train.parquet")["id"].to_numpy(), test["id"].to_numpy()
    if source is not None:
        train_ids, test_ids = source[train_ids], source[test_ids]
    rows = pd.DataFrame({"source": test_ids, "label": (test["label"] == labels.positive_id).to_numpy()})
    by_model = {
        model: rows.assign(probability=values[:, labels.positive_id])
        for model, values in probabilities(folder, test, tokens, settings).items()
    }
    return by_model, float(np.isin(test_ids, train_ids).mean())


def scores(rows: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
    """Return the scores of rows, (scores,) in the order of SCORES. weight: how often each row counts, (rows,)."""
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
    """Return the scores of bootstrap samples, (DRAWS, scores). All copies of a source row are drawn together."""
    random = np.random.default_rng(seed)
    _, source = np.unique(rows["source"], return_inverse=True)
    n = source.max() + 1
    draws = []
    for _ in range(DRAWS):
        counts = np.bincount(random.integers(n, size=n), minlength=n)
        weight = counts[source]
        draws.append(scores(rows[weight > 0], weight[weight > 0]))
    return np.array(draws)


def inflation(honest: pd.DataFrame, tainted: pd.DataFrame) -> dict[str, dict]:
    """Return each score of both arms, and its inflation in percentage points with the interval."""
    honest_scores, tainted_scores = (scores(rows, np.ones(len(rows))) for rows in (honest, tainted))
    differences = bootstrap(tainted, 1) - bootstrap(honest, 0)
    low, high = np.percentile(differences, [2.5, 97.5], axis=0)
    return {
        name: {
            "honest": round(honest_scores[i], 4),
            "tainted": round(tainted_scores[i], 4),
            "inflation_points": round(100 * (tainted_scores[i] - honest_scores[i]), 1),
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
        for is_tainted in (False, True):
            print(f"--- {recipe}, {'tainted' if is_tainted else 'honest'}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                arms.append(predictions(Path(folder), recipe, is_tainted))
        (honest, _), (tainted, share_in_training) = arms
        results[recipe] = {
            "test_rows": {"honest": len(honest["tfidf"]), "tainted": len(tainted["tfidf"])},
            "share_of_tainted_test_rows_in_training": round(share_in_training, 4),
            "scores": {model: inflation(honest[model], tainted[model]) for model in honest},
        }
        output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
