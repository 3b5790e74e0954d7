"""Everything that evaluate reads, but for the model."""

import argparse
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.evaluate.sample import sample
from strata.base import tables
from strata.base.errors import StrataError
from strata.goal import parse
from strata.labels import Labels, read_labels
from strata.model.tokens import TokenizedRows, read_tokens
from strata.prior import PriorShift, read_prior_shift
from strata.settings.params import Params
from strata.text.english import is_english


class Inputs(NamedTuple):
    """What evaluate reads. Rows are distinct and sorted by id."""

    labels: Labels
    tokens: dict[str, TokenizedRows]  # a sample of train, validation, test
    unit: pd.Series  # of every row, by id: equal for rows that are not independent of each other
    prior: PriorShift
    texts: pd.DataFrame  # of the test rows: text, annotation, group, attribute.*
    in_english: bool  # whether these texts are
    baselines: dict[str, np.ndarray]  # probabilities of the test rows, (rows, labels), by baseline
    tfidf: dict[str, np.ndarray]  # its log probabilities of validation and test rows, (rows, labels)
    training: pd.DataFrame  # scores of the validation rows while the model was trained


def read_inputs(args: argparse.Namespace, settings: Params) -> Inputs:
    """Read the labels, tokens, texts, prior, baselines and the curve of training.

    Raises: StrataError when a file is missing or broken, or evaluate.goal needs a positive label and there is none.
    """
    labels, goal = read_labels(args.labels), settings.evaluate.goal
    if goal and labels.positive is None and parse(goal).name == "cost":
        raise StrataError(
            f"evaluate.goal is {goal}, the costs of a positive label, but of {len(labels.names)} labels none is "
            "positive; set it to null, or to a goal for many labels, such as f1"
        )
    unit = tables.read(args.split / "units.parquet").set_index("id")["unit"]
    prior = read_prior_shift(args.resample / "prior.json")
    tokens = {name: read_tokens(args.tokens / name).distinct() for name in ("train", "validation", "test")}
    tokens["train"] = tokens["train"].at(sample(tokens["train"].id, settings.evaluate.train_rows, settings.seed))
    test_ids = tokens["test"].id
    baselines = tables.read(args.baseline / "predictions.parquet").set_index("id").loc[test_ids]
    logarithms = tables.read(args.baseline / "log_probabilities.parquet").set_index("id")["tfidf"]
    texts = tables.read(args.split / "test.parquet").set_index("id").loc[test_ids].reset_index()
    return Inputs(
        labels=labels,
        tokens=tokens,
        unit=unit,
        prior=prior,
        texts=texts,
        in_english=is_english(texts["text"]),
        baselines={name: np.stack(baselines[name]) for name in ("majority", "tfidf")},
        tfidf={name: np.stack(logarithms.loc[tokens[name].id]) for name in ("validation", "test")},
        training=pd.read_csv(args.training / "validation.csv"),
    )
