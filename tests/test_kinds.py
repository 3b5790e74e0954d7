"""What each kind of model gives, and what ships where model.kind is tfidf or stack: from evaluate to the predictor."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax, softmax

from stages.evaluate import stack
from stages.quantize import cascade
from stages.quantize.gate import GateRows
from strata import Predictor
from strata.base import tables
from strata.base.errors import StrataError
from strata.commands import check, predict
from strata.labels import Labels
from strata.publishing import space
from strata.runtime import manifest
from strata.runtime.explain import explain
from strata.score_table import parse
from strata.serving.models import loaded
from strata.settings.reader import read_settings
from strata.sweeping.run import run as sweep
from tests.conftest import Project

AFTER_TRAINING = ("evaluate", "quantize", "report")


def of_kind(trained: Project, root, kind: str, *stages: str) -> Project:
    made = trained.copied(root / "project")
    made.params(model={"kind": kind})
    made.run(*stages)
    return made


@pytest.fixture(scope="module")
def tfidf(trained, tmp_path_factory) -> Project:
    stages = ("tokenize", "adapt", "train", *AFTER_TRAINING)
    return of_kind(trained, tmp_path_factory.mktemp("tfidf"), "tfidf", *stages)


@pytest.fixture(scope="module")
def stacked(trained, tmp_path_factory) -> Project:
    return of_kind(trained, tmp_path_factory.mktemp("stack"), "stack", *AFTER_TRAINING)


@pytest.fixture(params=["tfidf", "stacked"])
def project_of_kind(request) -> Project:
    return request.getfixturevalue(request.param)


def recorded(project: Project) -> pd.DataFrame:
    """Test rows as evaluate recorded them, with their texts."""
    rows = tables.read(project.root / "data/evaluate/predictions.parquet").query("split == 'test'")
    return rows.merge(tables.read(project.root / "data/split/test.parquet")[["id", "text"]], on="id")


@pytest.mark.slow
def test_what_was_scored_is_what_is_served(project_of_kind):
    rows, folder = recorded(project_of_kind), project_of_kind.root / "models/quantize"
    served = Predictor(folder, "onnx/model.onnx").probabilities(rows["text"].tolist())
    assert served == pytest.approx(np.stack(rows["probabilities"]), abs=1e-6)


@pytest.mark.slow
def test_nothing_is_trained_where_tfidf_ships(tfidf):
    assert json.loads((tfidf.root / "metrics/train.json").read_text()) == {"steps": 0, "tokens": 0}
    for folder in ("models/train", "data/train"):
        assert [path.name for path in (tfidf.root / folder).iterdir()] == ["untrained.json"]
    assert json.loads((tfidf.root / "models/adapt/adapted.json").read_text()) == {"epochs": 0}
    assert not (tfidf.root / "models/quantize/tokenizer.json").exists()


@pytest.mark.slow
def test_a_transformer_trains_nothing_again_when_a_stack_ships(trained, tmp_path):
    """What tokenize writes decides whether the later stages run again."""
    project = of_kind(trained, tmp_path, "stack", "tokenize")
    for path in [path for path in (trained.root / "data/tokenize").rglob("*") if path.is_file()]:
        assert (project.root / path.relative_to(trained.root)).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_a_folder_answers_explains_and_is_checked_by_its_manifest(project_of_kind):
    folder = project_of_kind.root / "models/quantize"
    predictor = Predictor(folder)
    answer, nothing = predictor(["a good lovely film", "  "])
    assert answer["label"] == "positive"
    assert nothing == {"label": None, "probability": None}
    words = explain(predictor, "a film with dull awful plot")["words"]
    assert [word["word"] for word in words] == ["a", "film", "with", "dull", "awful", "plot"]
    assert max(words, key=lambda word: word["weight"])["word"] in ("dull", "awful")
    assert "vocabulary.json" in manifest.check(folder)["files"]


@pytest.mark.slow
def test_a_text_does_not_depend_on_its_neighbours(project_of_kind):
    predictor = Predictor(project_of_kind.root / "models/quantize")
    texts = ["good film", "", "unheard", "a dull plot"] * 20
    together = predictor.probabilities(texts)
    assert np.array_equal(together[:4], np.concatenate([predictor.probabilities([text]) for text in texts[:4]]))


@pytest.mark.slow
def test_predict_labels_a_file_by_every_kind(project_of_kind, tmp_path, capsys):
    source, out = tmp_path / "new.csv", tmp_path / "out.csv"
    source.write_text("text\na good lovely film\na dull awful plot\n", encoding="utf-8")
    predict.main([str(project_of_kind.root / "models/quantize"), str(source), "--out", str(out)])
    assert pd.read_csv(out)["label"].tolist() == ["positive", "negative"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tfidf", "stacked", "cascaded"])
def test_a_server_loads_a_copy_that_answers_the_same(kind, request):
    folder, texts = request.getfixturevalue(kind).root / "models/quantize", ["a good film", "dull", "unheard"]
    model = loaded("films", folder)
    assert np.array_equal(model.predictor.probabilities(texts), Predictor(folder).probabilities(texts))


@pytest.mark.slow
def test_a_changed_vocabulary_is_refused(stacked, tmp_path):
    folder = stacked.copied(tmp_path / "project").root / "models/quantize"
    (folder / "vocabulary.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StrataError, match=r"vocabulary.json: not the file that manifest.json lists"):
        Predictor(folder)


@pytest.mark.slow
def test_a_stack_keeps_no_weights_that_would_load_as_a_model_of_their_own(stacked):
    assert not list((stacked.root / "models/quantize").rglob("*.safetensors"))
    assert not (stacked.root / "models/quantize/onnx/transformer.onnx").exists()


@pytest.mark.slow
def test_the_card_and_the_report_name_what_ships(tfidf, stacked):
    for project, words in (
        (tfidf, "TF-IDF with logistic regression gives"),
        (stacked, "The stack of a fine-tuned model"),
    ):
        for name in ("model_card.md", "report.md"):
            text = (project.root / name).read_text(encoding="utf-8")
            assert words in text
            assert "transformers.js (`npm" not in text
        assert (
            "transformers.js" not in (project.root / "model_card.md").read_text(encoding="utf-8").split("# sample")[0]
        )


@pytest.mark.slow
def test_what_only_a_transformer_can_is_refused_in_a_line(tfidf, stacked, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("a good film\n" * 30, encoding="utf-8")
    with pytest.raises(StrataError, match="TF-IDF has no int8 model"):
        check.main([str(tfidf.root / "models/quantize"), str(texts)])
    check.main([str(stacked.root / "models/quantize"), str(texts)])
    card = tfidf.root / "model_card.md"
    with pytest.raises(StrataError, match=r"model.kind is tfidf, which no page in a browser can run"):
        space.contents("static", tfidf.root / "models/quantize", card, "me/films")


@pytest.mark.slow
def test_evaluate_says_what_each_kind_gives(trained, capsys):
    notes = json.loads((trained.root / "data/evaluate/notes.json").read_text())
    assert [line["kind"] for line in notes["model_kinds"]] == ["transformer", "tfidf", "stack"]
    assert [line["words"] == "" for line in notes["model_kinds"]] == [True, False, False]
    assert notes["advice"].startswith("validation rows favour ")
    metrics = json.loads((trained.root / "metrics/evaluate.json").read_text())
    assert metrics["kinds"] == pytest.approx({line["kind"]: line["accuracy"] for line in notes["model_kinds"]})


@pytest.fixture(scope="module")
def cascaded(stacked, tmp_path_factory) -> Project:
    made = stacked.copied(tmp_path_factory.mktemp("cascade") / "project")
    made.params(quantize={"cascade": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "LEAST_ROWS", 1)
        made.run("quantize")
    return made


@pytest.mark.slow
def test_a_cascade_answers_by_tfidf_what_it_is_sure_of_and_asks_the_stack_of_the_rest(cascaded, stacked):
    folder = cascaded.root / "models/quantize"
    least = json.loads((folder / "config.json").read_text())["cascade"]
    fast, alone = Predictor(folder), Predictor(stacked.root / "models/quantize")
    texts = [*recorded(cascaded)["text"], "unheard"]
    first = softmax(fast.tokens.cascade.classifier.logits(fast.tokens.features.ids(texts)), axis=1)
    sure = first.max(axis=1, keepdims=True) >= least
    assert sure.any()
    assert not sure[-1], "a text without a known n-gram has the prior, a half"
    expected = np.where(sure, first, alone.probabilities(texts))
    assert fast.probabilities(texts) == pytest.approx(expected, abs=1e-9)
    rows = recorded(cascaded)
    accuracy = (fast.probabilities(rows["text"].tolist()).argmax(axis=1) == rows["label"]).mean()
    assert parse((cascaded.root / "plots/quantize/scores.csv").read_text())["int8", "test"]["accuracy"] == accuracy
    share = json.loads((cascaded.root / "metrics/quantize.json").read_text())["answered_early"]
    assert share == pytest.approx(sure[:-1].mean(), abs=1e-5)


@pytest.mark.slow
def test_a_predictor_of_a_cascade_does_not_need_its_folder_any_more(cascaded, tmp_path):
    expected = Predictor(cascaded.root / "models/quantize").probabilities(["good film"])
    shutil.copytree(cascaded.root / "models/quantize", tmp_path / "model")
    predictor = Predictor(tmp_path / "model")
    shutil.rmtree(tmp_path / "model")
    assert predictor.probabilities(["good film"]).tolist() == expected.tolist()


def test_few_validation_rows_choose_no_cascade(shipped):
    limits = read_settings(shipped / "params.yaml", shipped / "recipes")[0].quantize
    rows, stack_probabilities = gate_rows(cascade.LEAST_ROWS - 1)
    choice = cascade.choose(stack_probabilities, stack_probabilities, rows, limits)
    assert choice.least is None
    assert choice.refused == "499 validation rows show no loss of 0.002; it takes 500"
    rows, stack_probabilities = gate_rows(cascade.LEAST_ROWS)
    assert cascade.choose(stack_probabilities, stack_probabilities, rows, limits).least is not None


def test_a_cascade_needs_a_stack(project):
    project.params(quantize={"cascade": True})
    with pytest.raises(StrataError, match=r"quantize.cascade is true and model.kind is transformer: a cascade needs"):
        project.run("ingest")


@pytest.mark.parametrize(
    ("kind", "goal", "cascade", "said"),
    [
        ("stack", "f1", True, r"quantize.cascade is true and evaluate.goal is f1: .* set cascade to false"),
        ("stack", "error <= 0.1", False, r"model.kind is stack and evaluate.goal is error <= 0.1: .* set kind to"),
    ],
)
def test_a_goal_that_could_not_be_kept_is_refused(project, kind, goal, cascade, said):
    project.params(model={"kind": kind}, evaluate={"goal": goal}, quantize={"cascade": cascade})
    with pytest.raises(StrataError, match=said):
        project.run("ingest")


def test_a_stack_does_not_read_chunks(project):
    project.params(model={"kind": "stack"}, tokenize={"window": "chunks", "chunk_overlap": 2})
    with pytest.raises(StrataError, match=r"model.kind is stack and tokenize.window is chunks: .* head or head_tail"):
        project.run("ingest")


def test_a_search_is_refused_where_nothing_is_trained(tmp_path):
    (tmp_path / "params.yaml").write_text("model: {kind: tfidf}\n", encoding="utf-8")
    with pytest.raises(StrataError, match=r"model.kind is tfidf, so a trial trains nothing"):
        sweep(tmp_path, "any", None, 1, False)


def gate_rows(rows: int) -> tuple[GateRows, np.ndarray]:
    """Rows of two labels that a stack predicts right, and its probabilities."""
    label = np.arange(rows) % 2
    right = np.where(np.eye(2)[label] == 1, 0.9, 0.1)
    frame = pd.DataFrame({"id": np.arange(rows), "label": label, "unit": np.arange(rows), "probabilities": list(right)})
    return GateRows(frame, [], Labels(["no", "yes"], "yes"), None), right


@pytest.mark.parametrize(("unsure", "is_worth_it"), [(0.1, True), (0.5, False)])
def test_a_cascade_is_taken_where_tfidf_may_answer_most_rows(unsure, is_worth_it, shipped):
    """TF-IDF is wrong on the rows that it is least sure of."""
    limits = read_settings(shipped / "params.yaml", shipped / "recipes")[0].quantize
    limits = limits.model_copy(update={"max_drift": 0.5})
    rows, stack_probabilities = gate_rows(2000)
    sure = np.linspace(0.55, 0.99, 2000)[:, None]
    wrong = np.arange(2000)[:, None] < unsure * 2000
    first = np.where((np.eye(2)[rows.label] == 1) ^ wrong, sure, 1 - sure)
    choice = cascade.choose(first, stack_probabilities, rows, limits)
    assert (choice.least is not None) == is_worth_it
    if is_worth_it:
        served = cascade.answered(first, stack_probabilities, choice.least)
        assert (served.argmax(axis=1) == rows.label).mean() >= 1 - cascade.MOST_LOST
        assert choice.share >= 1 - unsure - 0.01
    else:
        assert "loss of accuracy" in choice.refused


def opinions(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log probabilities of two models that err on different rows, and the labels."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 3, rows)
    logits = np.eye(3)[label][None] * np.array([2.0, 1.0])[:, None, None] + random.normal(0, 1, (2, rows, 3))
    return *log_softmax(logits, axis=2), label


def loss(logits: np.ndarray, label: np.ndarray) -> float:
    return float(-log_softmax(logits, axis=1)[np.arange(len(label)), label].mean())


def test_a_stack_weighs_each_model_by_what_it_tells():
    first, second, label = opinions(4000)
    weights = stack.fit(first, second, label)
    assert weights.transformer / weights.tfidf == pytest.approx(2, rel=0.15), "as the means of the normal logits"
    others = opinions(4000, seed=1)
    assert loss(weights.logits(*others[:2]), others[2]) < min(loss(values, others[2]) for values in others[:2])


def test_a_useless_model_gets_almost_no_weight():
    first, _, label = opinions(4000)
    noise = log_softmax(np.random.default_rng(5).normal(0, 1, first.shape), axis=1)
    weights = stack.fit(first, noise, label)
    assert 0 < weights.tfidf < 0.05 < weights.transformer


def test_rows_that_are_not_independent_are_in_one_fold_and_out_of_their_own_fit():
    first, second, label = opinions(300)
    unit = np.arange(300) // 3
    fold = stack.folds(unit, 0)
    assert all(len(set(fold[unit == one])) == 1 for one in range(100))
    assert set(fold) == set(range(stack.FOLDS))
    before = stack.out_of_fold(first, second, label, unit, 0)
    changed = np.where(fold == 2, (label + 1) % 3, label)
    after = stack.out_of_fold(first, second, changed, unit, 0)
    assert np.array_equal(before[fold == 2], after[fold == 2]), "their own labels do not matter"
    assert not np.array_equal(before[fold == 1], after[fold == 1])


def test_rows_of_a_single_unit_are_fitted_to_themselves():
    first, second, label = opinions(30)
    logits = stack.out_of_fold(first, second, label, np.zeros(30, dtype=int), 0)
    assert softmax(logits, axis=1).sum(axis=1) == pytest.approx(np.ones(30))
