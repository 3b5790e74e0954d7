"""Fine-tuning: what is kept, that it repeats, and that each knob does what it says."""

import hashlib
import json
import shutil

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from stages.shared.command import StageError
from stages.train.precision import choose
from tests.conftest import STAGES, Project, reviews, write_csv


@pytest.fixture
def copy(tokenized, tmp_path) -> Project:
    """A tokenized project of its own."""
    shutil.copytree(tokenized.root, tmp_path / "project", symlinks=True)
    made = object.__new__(Project)
    made.root, made.yaml = tmp_path / "project", tokenized.yaml
    return made


def weights(project) -> str:
    return hashlib.sha256((project.root / "models/train/model.safetensors").read_bytes()).hexdigest()


def curve(project, name="validation") -> pd.DataFrame:
    return pd.read_csv(project.root / f"plots/train/{name}.csv")


def test_the_model_loads_with_its_label_names_and_holds_no_pickle(trained):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = trained.root / "models/train"
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model.config.id2label == {0: "negative", 1: "positive"}
    assert model.config.label2id == {"negative": 0, "positive": 1}
    assert AutoTokenizer.from_pretrained(folder)("good film")["input_ids"][0] == 2
    assert str(trained.root) not in "".join(path.read_text() for path in folder.glob("*.json"))


def test_it_learns(trained):
    assert curve(trained)["accuracy"].iloc[-1] > 0.8
    losses = curve(trained, "training")
    assert losses["loss"].iloc[-1] < losses["loss"].iloc[0]


def test_validation_is_scored_at_every_share_of_an_epoch_and_at_the_end(trained):
    # 84 rows / 16 = 6 steps an epoch, 6 epochs, 2 evaluations an epoch
    assert curve(trained)["step"].tolist() == [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36]


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_and_another_seed_others(copy):
    copy.run("train")
    first = weights(copy), (copy.root / "plots/train/validation.csv").read_bytes()
    copy.run("train")
    assert (weights(copy), (copy.root / "plots/train/validation.csv").read_bytes()) == first
    copy.params(seed=43)
    copy.run("train")
    assert weights(copy) != first[0]


def test_the_best_weights_by_the_named_metric_are_kept(copy):
    """With a rate that rises all the way to ruin, the best evaluation is not the last."""
    copy.params(train={"lr": 0.5, "schedule": "constant_with_warmup", "warmup": 0.9, "epochs": 4, "patience": None})
    copy.run("train", "evaluate")
    losses = curve(copy)["loss"]
    assert losses.idxmin() != len(losses) - 1
    kept = json.loads((copy.root / "metrics/evaluate.json").read_text())["validation"]["log_loss"]
    assert kept == pytest.approx(losses.min(), rel=1e-3)


def test_training_stops_early_when_it_no_longer_gets_better(copy):
    copy.params(train={"lr": 0.5, "schedule": "constant_with_warmup", "warmup": 0.0, "epochs": 8, "patience": 1})
    copy.run("train")
    assert curve(copy)["step"].iloc[-1] < 48


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 1e-3},
        {"schedule": "cosine"},
        {"warmup": 0.5},
        {"weight_decay": 0.5},
        {"epochs": 1},
        {"batch_size": 8},
        {"gradient_accumulation": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_knob_changes_the_weights(trained, copy, change):
    copy.params(train=change)
    copy.run("train")
    assert weights(copy) != weights(trained)


def test_gradient_accumulation_takes_fewer_steps(copy):
    copy.params(train={"gradient_accumulation": 2})
    copy.run("train")
    assert curve(copy)["step"].iloc[-1] == 18


def test_precision_follows_the_hardware(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert choose("auto") == "bf16"
    assert choose("fp32") == "fp32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert choose("auto") == "fp32"
    with pytest.raises(
        StageError, match=r"train.precision is fp16, this machine has fp32; choose one of them, or auto"
    ):
        choose("fp16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert choose("auto") == "fp16"


def test_a_loss_that_is_no_number_stops_the_run(copy):
    copy.params(train={"lr": 0.99, "schedule": "constant_with_warmup", "warmup": 0.0, "epochs": 3})
    model = copy.root / "broken"
    shutil.copytree((copy.root / "tiny").resolve(), model)
    from safetensors.torch import save_file

    tensors = load_file(model / "model.safetensors")
    tensors["embeddings.LayerNorm.weight"][:] = float("nan")
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    copy.params(model={"checkpoint": "broken"})
    with pytest.raises(StageError, match=r"the loss has become NaN or infinite; lower train.lr"):
        copy.run("train")
    assert not (copy.root / "models/train").exists()


def test_a_checkpoint_with_a_head_of_other_labels_is_refused(copy):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(copy.root / "tiny", num_labels=5)
    model.save_pretrained(copy.root / "five")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(copy.root / "tiny" / name, copy.root / "five" / name)
    copy.params(model={"checkpoint": "five"})
    with pytest.raises(StageError, match=r"model.checkpoint five: cannot be loaded with 2 labels"):
        copy.run("train")


@pytest.mark.slow
def test_annotations_get_embeddings_and_travel_to_the_quantized_model(project):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    rows = [(text, label, f"Director {i % 3}") for i, (text, label) in enumerate(reviews(120))]
    write_csv(project.raw("reviews.csv"), rows, ("text", "label", "director"))
    project.params(train={"epochs": 1})
    project.recipe(annotate=["director"])
    project.run(*STAGES)
    model = AutoModelForSequenceClassification.from_pretrained(project.root / "models/train")
    for folder in ("models/train", "models/quantize"):
        tokenizer = AutoTokenizer.from_pretrained(project.root / folder)
        assert "<director=Director 1>" in tokenizer.tokenize("a film <director=Director 1>")
        assert len(tokenizer) == model.get_input_embeddings().num_embeddings


def loss_of(logits, labels, weights):
    from types import SimpleNamespace

    from stages.train.fine_tune import weighted_loss

    return weighted_loss(torch.tensor(weights))(SimpleNamespace(logits=logits), labels)


def test_class_weights_weigh_rows_by_their_label(copy):
    from stages.shared.labels import Labels
    from stages.train.fine_tune import class_weights

    labels = Labels(["ham", "spam"], "spam")
    assert class_weights([0, 0, 0, 1], labels, "none") is None
    assert class_weights([0, 0, 0, 1], labels, "balanced").tolist() == pytest.approx([2 / 3, 2.0])
    assert class_weights([0, 1], labels, {"spam": 3.0, "ham": 1.0}).tolist() == [1.0, 3.0]
    logits, truth = torch.tensor([[1.0, -1.0], [0.5, 0.2]]), torch.tensor([0, 1])
    each = torch.nn.functional.cross_entropy(logits, truth, reduction="none")
    assert loss_of(logits, truth, [1.0, 3.0]).item() == pytest.approx((each[0] + 3 * each[1]).item() / 2)
    copy.params(train={"epochs": 1, "class_weights": {"negative": 1.0, "positive": 1000.0}})
    copy.run("train")
    assert curve(copy)["recall"].iloc[-1] == 1.0  # everything is called positive
    one = weights(copy)
    copy.params(train={"class_weights": "none"})
    copy.run("train")
    assert weights(copy) != one
