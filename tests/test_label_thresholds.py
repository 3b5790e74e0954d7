"""The thresholds of many labels: the rule, what each goal chooses, and that every part of a project decides by it."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from stages.evaluate.label_thresholds import choose
from strata.base import files, tables
from strata.base.errors import StrataError
from strata.decision import decide
from strata.goal import parse
from strata.runs.ensemble import ensemble
from strata.runs.revision import threshold
from strata.runtime.model_config import read_decision
from strata.runtime.predictor import Predictor
from tests.conftest import BAD, GOOD, write_csv


def rows(seed: int = 0, size: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Three labels, of which the third is rare and gets too small a probability."""
    random = np.random.default_rng(seed)
    label = random.choice(3, size, p=[0.6, 0.3, 0.1])
    logits = random.normal(size=(size, 3)) + np.array([0.5, 0.0, -1.5])
    logits[np.arange(size), label] += 1.5
    return label, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def score(name: str, label: np.ndarray, probabilities: np.ndarray, thresholds: list[float] | None) -> float:
    """As strata/scoring.py has it."""
    predicted = decide(probabilities, None, thresholds)
    if name == "f2":
        return sk.fbeta_score(label, predicted, beta=2, average="macro", zero_division=0)
    return {"f1": sk.f1_score, "precision": sk.precision_score, "recall": sk.recall_score}[name](
        label, predicted, average="macro", zero_division=0
    )


GRID = [[a, b, 1 - a - b] for a in np.linspace(0.1, 0.8, 8) for b in np.linspace(0.1, 0.8, 8) if a + b < 0.99]


def test_for_two_labels_the_rule_is_that_of_one_threshold():
    probabilities = np.random.default_rng(0).dirichlet([1, 1], 500)
    for t in (0.1, 0.5, 0.83):
        assert (decide(probabilities, None, [1 - t, t]) == decide(probabilities, 1, t)).all()
    assert (decide(probabilities, None, [0.5, 0.5]) == decide(probabilities)).all()
    for wrong in ([0.5], [0.5, 0.0], [0.3, 0.3, 0.4]):
        with pytest.raises(ValueError, match="one for each label"):
            decide(probabilities, None, wrong)


@pytest.mark.parametrize("name", ["f1", "f2"])
def test_a_score_is_as_high_as_that_of_every_threshold_on_a_grid(name):
    label, probabilities = rows()
    thresholds = choose(parse(name), label, probabilities)
    assert sum(thresholds) == pytest.approx(1)
    of_grid = [score(name, label, probabilities, one) for one in GRID]
    best = score(name, label, probabilities, thresholds)
    assert best >= max(of_grid) - 0.005
    assert best > score(name, label, probabilities, None)


@pytest.mark.parametrize(
    ("goal", "bounded", "maximized"), [("precision", 0.7, "recall"), ("recall", 0.75, "precision")]
)
def test_a_bound_is_reached_and_the_other_score_is_high(goal, bounded, maximized):
    label, probabilities = rows()
    thresholds = choose(parse(f"{goal} >= {bounded}"), label, probabilities)
    assert score(goal, label, probabilities, thresholds) >= bounded
    reaching = [one for one in GRID if score(goal, label, probabilities, one) >= bounded]
    best = max(score(maximized, label, probabilities, one) for one in reaching)
    assert score(maximized, label, probabilities, thresholds) >= best - 0.02


def test_a_bound_that_is_not_reached_is_refused_with_the_best_value():
    label, probabilities = rows()
    message = r"goal is recall >= 0.99, a mean over 3 labels, which no thresholds .* rows, 0.\d+ at best; lower it"
    with pytest.raises(StrataError, match=message):
        choose(parse("recall >= 0.99"), label, probabilities)


def test_labels_that_are_told_apart_keep_the_likeliest_label():
    label = np.arange(30) % 3
    probabilities = np.full((30, 3), 0.1)
    probabilities[np.arange(30), label] = 0.8
    assert choose(parse("f1"), label, probabilities) == pytest.approx([1 / 3] * 3)


def test_config_names_the_threshold_of_every_label(tmp_path):
    config = {"id2label": {"0": "a", "1": "b", "2": "c"}, "positive": None}
    path = tmp_path / "config.json"
    files.write_json(path, config | {"threshold": {"c": 0.5, "a": 0.2, "b": 0.3}})
    assert read_decision(path).threshold == [0.2, 0.3, 0.5]
    for wrong, message in (
        ({"a": 0.2, "b": 0.3}, r"threshold must name each of the labels a, b, c once, and no other"),
        ({"a": 0.2, "b": 0.3, "c": 0}, r"threshold of c is 0.0, must be above 0"),
        ({"a": 0.2, "b": 0.3, "c": None}, r"threshold of c is None, must be above 0"),
        ({"a": 0.2, "b": 0.3, "c": "x"}, r"threshold of c is 'x', must be a number"),
        (0.5, r"threshold is 0.5, but no label is positive"),
    ):
        files.write_json(path, config | {"threshold": wrong})
        with pytest.raises(StrataError, match=message):
            read_decision(path)


def test_an_ensemble_decides_by_the_thresholds_that_all_its_runs_have(tmp_path):
    (tmp_path / "data/evaluate").mkdir(parents=True)
    (tmp_path / "data/evaluate/calibration.json").write_text('{"threshold": [0.2, 0.3, 0.5]}')
    of_run = threshold(tmp_path, "workspace")
    probabilities = {"a": np.array([[0.3, 0.3, 0.4]]), "b": np.array([[0.3, 0.31, 0.39]])}
    one = ensemble(probabilities, {"a": of_run, "b": of_run}, None)
    assert (one.predicted.tolist(), one.rule) == (
        [0],
        "each label's probability is divided by its threshold, 0.2000/0.3000/0.5000, as in all its runs",
    )
    other = ensemble(probabilities, {"a": of_run, "b": None}, None)
    assert other.predicted.tolist() == [2]
    assert "differ (a 0.2000/0.3000/0.5000, b none)" in other.rule


@pytest.mark.slow
def test_a_project_of_three_labels_decides_everywhere_by_its_thresholds_or_withholds_labels(project):
    words = {"good": GOOD, "bad": BAD, "mixed": ["film", "plot", "actor"]}
    random, texts = np.random.default_rng(0), {}
    while len(texts) < 240:
        label = random.choice(list(words), p=[0.4, 0.4, 0.2])
        text = [*random.choice(["the", "a", "is", "with", "and", "very"], 5), *random.choice(words[label], 2)]
        texts.setdefault(" ".join(text), label)
    write_csv(project.raw("reviews.csv"), list(texts.items()))
    project.recipe(labels={name: name for name in words}, positive=None)
    project.params(evaluate={"goal": "f1"})
    project.run("ingest", "standardize", "split", "resample", "tokenize", "adapt", "baseline", "train")
    project.run("evaluate", "quantize", "report")
    chosen = files.read_json(project.root / "data/evaluate/calibration.json")["threshold"]
    folder = project.root / "models/quantize"
    config = json.loads((folder / "config.json").read_text())
    names = [config["id2label"][str(i)] for i in range(3)]
    assert config["threshold"] == dict(zip(names, chosen, strict=True))
    predictions = tables.read(project.root / "data/evaluate/predictions.parquet").query("split == 'test'")
    expected = decide(np.stack(predictions["probabilities"]), None, chosen)
    assert predictions["prediction"].tolist() == expected.tolist()
    answers = Predictor(folder)(list(texts)[:50])
    probabilities = Predictor(folder).probabilities(list(texts)[:50])
    assert [answer["label"] for answer in answers] == [names[i] for i in decide(probabilities, None, chosen)]
    assert "divided by the label's threshold, is highest" in (project.root / "report.md").read_text()
    project.params(evaluate={"goal": "error <= 0.45"})
    project.run("evaluate", "quantize", "report")
    config = json.loads((folder / "config.json").read_text())
    assert (config["threshold"], config["goal"]) == (None, "error <= 0.45")
    assert "## When it is not sure" in (project.root / "model_card.md").read_text()
