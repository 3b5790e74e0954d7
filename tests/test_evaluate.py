"""Predictions, errors, metrics and curves of the fine-tuned model."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support

from stages.evaluate.failures import errors
from stages.evaluate.scored_rows import ScoredRows
from strata import curves
from strata.base import tables
from strata.base.errors import StrataError
from strata.base.files import rounded
from strata.calibration import Calibration, read_calibration
from strata.labels import MEAN_OF_LABELS, Labels
from strata.model.batches import probabilities
from strata.score_table import parse
from strata.scoring import NAMES, scores
from tests.conftest import STAGES, reviews, write_csv


@pytest.fixture
def predictions(trained) -> pd.DataFrame:
    return tables.read(trained.root / "data/evaluate/predictions.parquet")


def test_every_validation_and_test_row_is_predicted_under_its_id(trained, predictions):
    for split in ("validation", "test"):
        rows = tables.read(trained.root / f"data/split/{split}.parquet")
        predicted = predictions[predictions["split"] == split]
        assert predicted["id"].tolist() == rows["id"].tolist()
        assert predicted["label"].tolist() == rows["label"].tolist()


def test_predictions_are_those_of_the_saved_model(trained, predictions):
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(trained.root / "models/train"), top_k=None)
    calibration, _ = read_calibration(trained.root / "data/evaluate/calibration.json")
    rows = tables.read(trained.root / "data/split/test.parquet").merge(predictions, on="id")
    for text, logits in zip(rows["text"], rows["logits"], strict=True):
        score = {entry["label"]: entry["score"] for entry in classify([text])[0]}
        assert [score["negative"], score["positive"]] == pytest.approx(list(softmax(logits)), abs=1e-5)
    calibrated = calibration.probabilities(np.stack(rows["logits"]))
    assert np.stack(rows["probabilities"]) == pytest.approx(calibrated, abs=1e-12)


def test_metrics_are_the_scores_of_the_test_rows(trained, predictions):
    written = parse((trained.root / "plots/evaluate/scores.csv").read_text())
    for split in ("test", "validation", "train"):
        rows = predictions[predictions["split"] == split]
        expected = scores(rows["label"].to_numpy(), np.stack(rows["probabilities"]), positive=1)
        assert {name: written["fp32", split][name] for name in expected} == rounded(expected)
    metrics = json.loads((trained.root / "metrics/evaluate.json").read_text())
    test = written["fp32", "test"]
    kinds = {"transformer": test["accuracy"], "tfidf": metrics["kinds"]["tfidf"], "stack": metrics["kinds"]["stack"]}
    assert metrics == {"accuracy": test["accuracy"], "f1_macro": test["f1_macro"], "rows": 24, "kinds": kinds}


def test_each_label_has_its_precision_recall_and_f1(trained, predictions):
    written = pd.read_csv(trained.root / "plots/evaluate/labels.csv").set_index(["label", "metric"])
    rows = predictions[predictions["split"] == "test"]
    expected = precision_recall_fscore_support(rows["label"], rows["prediction"])
    for i, label in enumerate(("negative", "positive")):
        assert written.loc[label]["value"].tolist() == pytest.approx([values[i] for values in expected[:3]], rel=1e-5)
        assert set(written.loc[label]["rows"]) == {expected[3][i]}
    known = written.dropna(subset=["low"])
    assert (known["low"] <= known["value"]).all()
    assert (known["value"] <= known["high"]).all()


def test_errors_are_the_wrong_rows_the_most_confident_first():
    probs = np.array([[0.4, 0.6], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    truth = np.array([0, 1, 1, 0])
    rows = ScoredRows(np.array([7, 3, 9, 1]), truth, np.log(probs), probs, probs.argmax(axis=1), np.arange(4))
    kinds = pd.DataFrame({"contrast": [True, False, True, True], "other": [False, True, False, False]})
    listed = errors(rows, ["seven", "three", "nine", "one"], kinds, ["no", "yes"])
    assert listed.to_numpy().tolist() == [
        [3, "yes", "no", 0.9, "other", "three"],
        [1, "no", "yes", 0.7, "contrast", "one"],
        [7, "no", "yes", 0.6, "contrast", "seven"],
    ]


def test_tables_and_metrics_are_of_the_same_rows(trained, predictions):
    folder = trained.root / "data/evaluate"
    test = predictions[predictions["split"] == "test"]
    wrong = test[test["label"] != test["prediction"]]
    listed = pd.read_csv(folder / "errors.csv")
    assert sorted(listed["id"]) == sorted(wrong["id"])
    assert set(pd.read_csv(folder / "error_kinds.csv")["kind"]) >= {"contrast", "other"}
    metrics = json.loads((trained.root / "metrics/evaluate.json").read_text())
    assert metrics["rows"] == len(test)
    plots = trained.root / "plots/evaluate"
    written = parse((plots / "scores.csv").read_text())
    assert set(written) == {("fp32", split) for split in ("train", "validation", "test")} | {
        ("untuned", "test"),
        ("uncalibrated", "test"),
    }
    for scores_of in written.values():
        for name in NAMES:
            interval = scores_of["interval"][name]
            assert interval is None or interval["low"] <= scores_of[name] + 1e-9, name
    verdicts = pd.read_csv(plots / "verdicts.csv").set_index("model")
    assert set(verdicts.index) == {"majority", "tfidf", "untuned"}
    assert verdicts.loc["majority", "different"]
    notes = json.loads((folder / "notes.json").read_text())
    assert len(pd.read_csv(folder / "suspects.csv")) == notes["label_noise"]["suspects"]
    behaviour = pd.read_csv(plots / "behaviour.csv").set_index("change")
    assert set(behaviour.index) >= {"typos", "case", "negation"}
    assert behaviour.loc["case", "changed"] == 0, "the vocabulary has no capitals"
    stated = pd.read_csv(plots / "confidence.csv")
    assert stated["wrong"].sum() == len(wrong)
    assert stated["right"].sum() + stated["wrong"].sum() == stated["stated"].sum() == len(test)


def test_calibration_and_threshold_do_not_depend_on_test_rows(copy_of_trained):
    """Their number, order and labels are changed."""
    from datasets import Dataset, load_from_disk

    project = copy_of_trained
    project.params(evaluate={"goal": "f2"})
    project.run("evaluate")
    path = project.root / "data/evaluate/calibration.json"
    before = path.read_bytes()
    assert json.loads(before)["threshold"] is not None
    folder = project.root / "data/tokenize/test"
    rows = load_from_disk(folder)
    changed = [row | {"label": 1 - row["label"]} for row in reversed(rows.to_list()[5:])]
    shutil.rmtree(folder)
    Dataset.from_list(changed, rows.features).save_to_disk(folder)
    project.run("evaluate")
    assert path.read_bytes() == before
    assert json.loads((project.root / "metrics/evaluate.json").read_text())["rows"] == len(rows) - 5


def test_cautions_are_printed_before_any_score(copy_of_trained, capsys):
    project = copy_of_trained
    path = project.root / "plots/train/validation.csv"
    training = pd.read_csv(path)
    training.assign(loss=np.linspace(0.9, 0.5, len(training))).to_csv(path, index=False)
    project.run("evaluate")
    cautions = json.loads((project.root / "data/evaluate/notes.json").read_text())["cautions"]
    assert any(sentence.startswith("training ended while") for sentence in cautions)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("evaluate: ")]
    assert lines[: len(cautions)] == [f"evaluate: CAUTION: {sentence}" for sentence in cautions]
    assert [line.split()[1] for line in lines[len(cautions) :][:3]] == ["train", "validation", "test"]


def test_costs_with_many_labels_are_refused(project):
    project.recipe(labels={"a": "pos", "b": "neg", "c": "other"}, positive=None)
    (project.root / "data/standardize").mkdir(parents=True)
    (project.root / "data/standardize/labels.json").write_text('{"labels": ["a", "b", "c"], "positive": null}')
    project.params(evaluate={"goal": "cost 5:1"})
    message = r"goal is cost 5:1, the costs of a positive label, but of 3 labels none is positive; set it to null, or"
    with pytest.raises(StrataError, match=message):
        project.run("evaluate")


def test_the_order_of_rows_does_not_change_their_probabilities():
    random = np.random.default_rng(0)
    rows = [random.integers(1, 99, n) for n in (5, 1, 9, 3, 9, 2, 7)]

    def logits_of(ids, mask):
        assert ((ids != 0) == (mask == 1)).all()
        return np.stack([ids.sum(axis=1), mask.sum(axis=1)], axis=1) / 50

    in_batches = probabilities(rows, logits_of, 3, pad_id=0)
    alone = np.concatenate([probabilities([row], logits_of, 1, pad_id=0) for row in rows])
    assert in_batches == pytest.approx(alone)
    with pytest.raises(ValueError, match="NaN or infinite logits"):
        probabilities(rows, lambda ids, mask: np.full((len(ids), 2), np.nan), 3, pad_id=0)


def test_curves_of_two_labels_are_the_positive_ones_and_thinned():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 20_000)
    probs = random.dirichlet([1, 1], 20_000)
    labels = Labels(["no", "yes"], "yes")
    roc = curves.roc(labels, truth, probs)
    assert len(roc) == curves.POINTS
    assert roc[["false_positive_rate", "true_positive_rate"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert set(curves.precision_recall(labels, truth, probs)["label"]) == {"yes"}


def test_curves_of_many_labels_leave_out_a_label_without_rows():
    truth = np.array([0, 1, 0, 1])
    probs = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 2)
    labels = Labels(["a", "b", "c"], None)
    roc = curves.roc(labels, truth, probs)
    assert roc["label"].unique().tolist() == [MEAN_OF_LABELS, "a", "b"]
    assert roc["true_positive_rate"].iloc[0] == 1, "both labels are ranked perfectly"
    counts = curves.confusion(labels, truth, probs.argmax(axis=1))
    assert len(counts) == 9
    assert counts["rows"].sum() == 4


def test_the_labels_confused_most_come_first():
    labels = Labels(["a", "b", "c", "d"], None)
    truth = np.array([0] * 10 + [1] * 4 + [2] * 6)
    predicted = np.array([0] * 7 + [1] * 2 + [2] + [1] * 2 + [0] * 2 + [2] * 6)
    worst = curves.worst_confusions(labels, truth, predicted)
    assert worst.to_numpy().tolist() == [["b", "a", 2, 0.5], ["a", "b", 2, 0.2], ["a", "c", 1, 0.1]]
    assert curves.worst_confusions(labels, truth, predicted, most=1)["actual"].tolist() == ["b"]
    assert curves.worst_confusions(labels, truth, truth).empty
    random = np.random.default_rng(0)
    many = Labels([str(i) for i in range(20)], None)
    assert len(curves.worst_confusions(many, random.integers(0, 20, 500), random.integers(0, 20, 500))) == 20


@pytest.mark.slow
def test_many_labels_run_from_end_to_end(project):
    third = [(f"{text} number {i}", "none") for i, (text, _) in enumerate(reviews(30, seed=5))]
    write_csv(project.raw("reviews.csv"), reviews(60) + third)
    project.recipe(labels={"a": "pos", "b": "neg", "c": "*"}, positive=None)
    project.params(resample={"strategy": "oversample"})
    project.run(*STAGES)
    int8 = parse((project.root / "plots/quantize/scores.csv").read_text())["int8", "test"]
    assert int8["f1"] == int8["f1_macro"]
    assert set(pd.read_csv(project.root / "plots/evaluate/labels.csv")["label"]) == {"a", "b", "c"}
    confusion = pd.read_csv(project.root / "plots/evaluate/confusion.csv")
    assert confusion["actual"].unique().tolist() == ["a", "b", "c"]


def test_a_text_with_a_lone_carriage_return_is_one_line_of_the_errors(copy_of_trained):
    project = copy_of_trained
    path, torn = project.root / "data/split/test.parquet", 'cold\rdull, "awful"'
    rows = tables.read(path)
    tables.write_frame(path, rows.assign(text=torn), tables.ROWS)
    project.run("evaluate", "report")
    listed = pd.read_csv(project.root / "data/evaluate/errors.csv", keep_default_na=False)
    assert set(listed["text"]) <= {torn}


def test_a_text_that_begins_like_a_formula_has_an_apostrophe_in_the_tables_and_none_in_the_report(copy_of_trained):
    from datasets import Dataset, load_from_disk

    project = copy_of_trained
    path, formula = project.root / "data/split/test.parquet", '=HYPERLINK("http://x.example","bad")'
    rows = tables.read(path)
    tables.write_frame(path, rows.assign(text=formula), tables.ROWS)
    folder = project.root / "data/tokenize/test"
    flipped = [row | {"label": 1 - row["label"]} for row in load_from_disk(folder).to_list()]
    features = load_from_disk(folder).features
    shutil.rmtree(folder)
    Dataset.from_list(flipped, features).save_to_disk(folder)  # so that most rows are errors
    project.run("evaluate", "report")
    for name in ("errors", "suspects"):
        listed = pd.read_csv(project.root / f"data/evaluate/{name}.csv", keep_default_na=False)
        assert set(listed["text"]) == {f"'{formula}"}, name
    text = (project.root / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert "=HYPERLINK(" in text
    assert "'=HYPERLINK(" not in text


def test_no_padding_makes_a_text_too_long(trained, tmp_path):
    """Tokenizers of sentence-transformers pad to a fixed length."""
    from tokenizers import Tokenizer

    from stages.evaluate.scorer import Scorer, load

    folder = tmp_path / "padded"
    shutil.copytree(trained.root / "models/train", folder)
    padded = Tokenizer.from_file(str(folder / "tokenizer.json"))
    padded.enable_padding(length=30)
    padded.save(str(folder / "tokenizer.json"))
    scorer = Scorer(load(folder), folder, batch_size=2)
    assert scorer.truncated(["good film", "good " * 14, "good " * 15]).tolist() == [False, False, True]
    assert [len(ids) for ids in scorer.token_ids(["good film", "bad"])] == [4, 3]


def test_training_rows_are_calibrated_for_their_own_prior(project):
    """Rows of 9 to 1, undersampled to 1 to 1: the prior of test rows would give all of them the common label."""
    rows = [row for i, row in enumerate(reviews(400)) if row[1] == "neg" or i % 9 == 0]
    write_csv(project.raw("reviews.csv"), rows)
    project.params(resample={"strategy": "undersample"})
    project.run(*STAGES[: STAGES.index("evaluate") + 1])
    calibration, _ = read_calibration(project.root / "data/evaluate/calibration.json")
    assert calibration.shift[0] > 0.5
    train = tables.read(project.root / "data/evaluate/predictions.parquet").query("split == 'train'")
    unshifted = Calibration(calibration.temperature, np.zeros(2)).probabilities(np.stack(train["logits"]))
    assert np.stack(train["probabilities"]) == pytest.approx(unshifted)
