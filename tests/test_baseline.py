"""The baselines that a transformer must beat."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.baseline import analyser, baselines, fitted_tfidf
from strata.base import tables
from strata.base.errors import StrataError
from strata.prior import prior_shift
from strata.score_table import parse
from strata.scoring import NAMES
from strata.settings.params import Baseline
from tests.conftest import reviews, write_csv

SETTINGS = Baseline(ngram_max=2, min_df=1, c=10.0)


def probabilities_of(
    natural: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, shift: np.ndarray, settings: Baseline = SETTINGS
) -> np.ndarray:
    """TF-IDF's of the test rows: (rows, labels)."""
    log_probabilities = fitted_tfidf(train, settings).log_probabilities(test)
    return baselines(natural, {"test": test}, {"test": log_probabilities}, shift)["tfidf"]["test"]


def test_both_baselines_are_scored_on_the_test_rows(tokenized, capsys):
    tokenized.run("baseline")
    assert "baseline: tfidf of words accuracy " in capsys.readouterr().out
    metrics = json.loads((tokenized.root / "metrics/baseline.json").read_text())
    assert {model: list(values) for model, values in metrics.items()} == {
        "majority": ["accuracy", "f1_macro"],
        "tfidf": ["accuracy", "f1_macro", "reads"],
    }
    assert metrics["majority"]["accuracy"] == 0.5
    assert metrics["tfidf"]["accuracy"] > 0.9
    rows = tables.read(tokenized.root / "data/split/test.parquet")
    saved = tables.read(tokenized.root / "data/baseline/predictions.parquet")
    assert saved["id"].tolist() == rows["id"].tolist()
    correct = np.stack(saved["tfidf"]).argmax(axis=1) == rows["label"]
    assert correct.mean() == metrics["tfidf"]["accuracy"]
    scores = parse((tokenized.root / "plots/baseline/scores.csv").read_text())
    assert set(scores) == {(model, split) for model in ("majority", "tfidf") for split in ("test", "validation")}
    assert set(NAMES) <= set(scores["tfidf", "test"])
    interval = scores["tfidf", "test"]["interval"]["accuracy"]
    assert interval["low"] <= metrics["tfidf"]["accuracy"] <= interval["high"]


def test_the_majority_class_is_that_before_resampling(project):
    rows = [row for i, row in enumerate(reviews(200)) if row[1] == "pos" or i % 10 == 0]
    write_csv(project.raw("reviews.csv"), rows)
    project.params(resample={"strategy": "undersample"})
    project.run("ingest", "standardize", "split", "resample", "baseline")
    scores = parse((project.root / "plots/baseline/scores.csv").read_text())["majority", "test"]
    assert scores["accuracy"] > 0.8
    assert scores["recall"] == 1


def test_tfidf_probabilities_have_the_natural_prior():
    """All texts are equal, so the prior is the only information."""
    natural = pd.DataFrame({"text": ["a word here"] * 100, "annotation": None, "label": [0] * 95 + [1] * 5})
    balanced = natural.iloc[90:]
    shift = prior_shift(np.array([95, 5]), np.array([5, 5]))
    settings = Baseline(ngram_max=1, min_df=1, c=1.0)
    assert probabilities_of(natural, balanced, natural, shift, settings)[0] == pytest.approx([0.95, 0.05], abs=1e-3)


def test_the_error_names_a_min_df_above_the_number_of_rows(project):
    project.params(baseline={"min_df": 1000})
    project.run("ingest", "standardize", "split", "resample")
    with pytest.raises(StrataError, match=r"TF-IDF finds no words in 84 training rows .*; lower baseline.min_df"):
        project.run("baseline")


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("a warm, funny film with café scenes", "words"),
        ("это очень хороший фильм", "words"),
        ("이 영화는 정말 좋았다", "words"),
        ("هذا الفيلم رائع جدا", "words"),
        ("यह फिल्म बहुत अच्छी थी", "words"),
        ("這部電影非常好看", "characters"),
        ("これは素晴らしい映画だ", "characters"),
        ("หนังเรื่องนี้ดีมาก", "characters"),
        ("រឿងនេះល្អណាស់", "characters"),
        ("ຮູບເງົາເລື່ອງນີ້ດີຫຼາຍ", "characters"),
        ("ဒီရုပ်ရှင်က အရမ်းကောင်းတယ်", "characters"),
        ("great film 🎉", "words"),
        ("🎉 😡", "words"),
        (":( !! ?", "characters"),
        ("a b a c", "characters"),
    ],
)
def test_tfidf_reads_characters_where_words_say_little(text, reads):
    assert analyser([text, text]) == reads


def scored(rows: list[tuple[str, int]]) -> np.ndarray:
    """Fit on the rows, and return TF-IDF's probabilities of them: (rows, labels)."""
    frame = pd.DataFrame(rows, columns=["text", "label"]).assign(annotation=None)
    return probabilities_of(frame, frame, frame, np.zeros(2))


def test_signs_inside_a_text_without_spaces_tell_its_label():
    """No text occurs twice, and each is one word: only its characters tell."""
    train = [
        (f"{'店里今天我们'[i % 6]}{'好吃' if i % 2 else '太慢'}{'朋友老板送餐包装'[i % 8]}{chr(0x4E00 + i)}", i % 2)
        for i in range(80)
    ]
    frame = pd.DataFrame(train, columns=["text", "label"]).assign(annotation=None)
    probabilities = probabilities_of(frame[:40], frame[:40], frame[40:], np.zeros(2))
    assert (probabilities.argmax(axis=1) == frame["label"][40:]).all()


@pytest.mark.parametrize("signs", ["🎉😡", "☀☂", "!?", "?!"])
def test_texts_of_single_signs_are_told_apart(signs):
    assert (scored([(signs[i % 2] * (1 + i % 3), i % 2) for i in range(30)]).argmax(axis=1) == np.arange(30) % 2).all()


def test_no_log_probability_is_infinite_however_sure_tfidf_is():
    train = pd.DataFrame({"text": ["good film", "bad film"] * 50, "annotation": None, "label": [0, 1] * 50})
    sure = fitted_tfidf(train, Baseline(ngram_max=1, min_df=1, c=1e9))
    sure.model.coef_ *= 100
    assert np.isfinite(sure.log_probabilities(train)).all()


def test_a_text_without_anything_known_gets_the_prior():
    train = pd.DataFrame({"text": ["good film"] * 3 + ["bad film"], "annotation": None, "label": [0, 0, 0, 1]})
    unknown = pd.DataFrame({"text": ["???", "unheard of"], "annotation": None, "label": 0})
    probabilities = probabilities_of(train, train, unknown, np.zeros(2))
    assert probabilities == pytest.approx(np.tile([0.75, 0.25], (2, 1)))
