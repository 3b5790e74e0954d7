"""Adaptation before fine-tuning: when on, the encoder learns from the training texts alone."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from stages.adapt import masked
from strata.base.errors import StrataError
from tests.conftest import DVC, GOOD, ROOT, Project, reviews, write_csv
from tests.test_snapshot import end_at, run_stage
from tests.test_train import copy  # noqa: F401, the fixture of that name

ON = {"epochs": 8, "lr": 5.0e-3, "batch_size": 16, "masked": 0.3}
KEPT = ("config.json", "tokenizer.json", "tokenizer_config.json")


def after_adaptation(tokenized, root, settings) -> Project:
    """A tokenized project after adaptation."""
    project = tokenized.copied(root / "project")
    project.params(adapt=settings)
    project.run("adapt")
    return project


@pytest.fixture(scope="module")
def adapted(tokenized, tmp_path_factory) -> Project:
    return after_adaptation(tokenized, tmp_path_factory.mktemp("adapted"), ON)


def tensors(project: Project, folder: str = "models/adapt") -> dict[str, torch.Tensor]:
    return load_file((project.root / folder).resolve() / "model.safetensors")


def changed(before: dict, after: dict) -> set[str]:
    """Return the names of the weights that differ by more than a learning rate of 1e-30 can cause."""
    return {name for name in before if not torch.allclose(before[name], after[name], rtol=0, atol=1e-25)}


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def metrics(project: Project) -> dict:
    return json.loads((project.root / "metrics/adapt.json").read_text())


def test_off_by_default_it_writes_one_small_file_and_imports_no_torch(copy):  # noqa: F811
    shutil.rmtree(copy.root / "models/adapt")
    argv = DVC["stages"]["adapt"]["cmd"].split()[3:]
    code = f"import sys\nfrom stages.adapt.__main__ import main\nmain({argv!r})\n"
    code += "print(*sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)), 'imported')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["adapt: 0 steps (adapt.epochs is 0)", "imported"]
    assert [path.name for path in (copy.root / "models/adapt").iterdir()] == ["adapted.json"]
    assert json.loads((copy.root / "models/adapt/adapted.json").read_text()) == {"epochs": 0}
    assert metrics(copy) == {"steps": 0}


def test_the_encoder_changes_and_the_pooler_does_not(adapted):
    before, after = tensors(adapted, "tiny"), tensors(adapted)
    assert set(before) == set(after)
    unchanged = set(before) - changed(before, after)
    assert {name for name in unchanged if "key.bias" not in name} == {"pooler.dense.weight", "pooler.dense.bias"}


def test_the_loss_of_masked_tokens_falls(copy):  # noqa: F811
    copy.params(adapt=ON | {"epochs": 24})
    copy.run("adapt")
    values = metrics(copy)
    assert values["steps"] == 144  # 84 rows / 16 = 6 steps an epoch
    assert values["masked_loss_last"] < 0.9 * values["masked_loss_first"]


def test_the_folder_loads_with_transformers_and_contains_no_paths(adapted, tokenized):
    from transformers import AutoModel, AutoTokenizer

    folder = adapted.root / "models/adapt"
    assert {path.name for path in folder.iterdir()} == {"adapted.json", "model.safetensors", *KEPT}
    model = AutoModel.from_pretrained(folder)
    assert torch.equal(model.embeddings.word_embeddings.weight, tensors(adapted)["embeddings.word_embeddings.weight"])
    assert AutoTokenizer.from_pretrained(folder)("good film")["input_ids"][0] == 2
    text = "".join(path.read_text() for path in folder.glob("*.json"))
    assert str(adapted.root) not in text
    assert str(tokenized.root) not in text


def test_it_repeats_byte_for_byte_and_another_seed_does_not(adapted, copy):  # noqa: F811
    copy.params(adapt=ON)
    copy.run("adapt")
    assert digest(copy.root / "models/adapt") == digest(adapted.root / "models/adapt")
    assert metrics(copy) == metrics(adapted)
    copy.params(seed=43)
    copy.run("adapt")
    assert changed(tensors(copy), tensors(adapted))


@pytest.mark.parametrize("change", [{"epochs": 1}, {"lr": 1e-3}, {"batch_size": 8}, {"masked": 0.15}], ids=str)
def test_every_knob_changes_the_weights(adapted, copy, change):  # noqa: F811
    copy.params(adapt=ON | change)
    copy.run("adapt")
    assert changed(tensors(copy), tensors(adapted))


@pytest.mark.slow
def test_a_killed_adaptation_resumes_and_ends_in_the_same_bytes(adapted, copy):  # noqa: F811
    copy.params(adapt=ON, snapshots={"steps": 4})
    run_stage("adapt", copy, end_at("run.Run.step", 11), fails=True)
    output = run_stage("adapt", copy, end_at("snapshot.os.fsync", 2), fails=True)
    assert "adapt: resumes after step 8 of " in output
    assert "adapt: resumes after step 12 of " in run_stage("adapt", copy)
    assert digest(copy.root / "models/adapt") == digest(adapted.root / "models/adapt")
    assert metrics(copy) == metrics(adapted)
    assert list((copy.root / "snapshots").iterdir()) == [], "the state of a finished run is removed"


def test_validation_and_test_rows_are_not_read(adapted, copy):  # noqa: F811
    for split in ("validation", "test"):
        shutil.rmtree(copy.root / "data/tokenize" / split)
    copy.params(adapt=ON)
    copy.run("adapt")
    assert not changed(tensors(copy), tensors(adapted))


def test_repeated_rows_are_read_once_and_labels_never(adapted, copy):  # noqa: F811
    import pyarrow as pa
    from datasets import Dataset, load_from_disk

    rows = load_from_disk(copy.root / "data/tokenize/train").data.table
    rows = rows.set_column(rows.column_names.index("label"), "label", pa.array([0] * len(rows), pa.int64()))
    shutil.rmtree(copy.root / "data/tokenize/train")
    Dataset(rows.take(np.repeat(np.arange(len(rows)), 2))).save_to_disk(copy.root / "data/tokenize/train")
    copy.params(adapt=ON)
    copy.run("adapt")
    assert not changed(tensors(copy), tensors(adapted))


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_train_starts_from_the_adapted_checkpoint(adapted, copy, on):  # noqa: F811
    """The learning rate is too small to change a weight."""
    if on:
        shutil.rmtree(copy.root / "models/adapt")
        shutil.copytree(adapted.root / "models/adapt", copy.root / "models/adapt")
    copy.params(train={"lr": 1e-30, "epochs": 1})
    copy.run("train")
    start = tensors(copy, "models/adapt" if on else "tiny")
    end = tensors(copy, "models/train")
    assert not changed({f"bert.{name}": tensor for name, tensor in start.items()}, end)
    assert set(end) - {f"bert.{name}" for name in start} == {"classifier.weight", "classifier.bias"}


def test_another_adaptation_changes_the_key_of_the_training_run(adapted, copy, monkeypatch):  # noqa: F811
    from strata.training import run_key

    keys, original = [], run_key.run_key
    monkeypatch.setattr(run_key, "run_key", lambda *inputs: keys.append((inputs[0], original(*inputs))) or keys[-1][1])
    copy.params(train={"epochs": 1})
    copy.run("train")
    shutil.rmtree(copy.root / "models/adapt")
    shutil.copytree(adapted.root / "models/adapt", copy.root / "models/adapt")
    copy.run("train")
    copy.params(adapt=ON | {"epochs": 1})
    copy.run("adapt", "train")
    assert [len({key for stage, key in keys if stage == name}) for name in ("train", "adapt")] == [3, 1]


def test_train_without_the_output_of_adapt_says_so(copy):  # noqa: F811
    shutil.rmtree(copy.root / "models/adapt")
    with pytest.raises(StrataError, match=r"models/adapt/adapted.json: no such file; run the stage that writes it"):
        copy.run("train")


def with_tokenizer(project: Project, name: str) -> Path:
    """Return a folder for another checkpoint, with the tokenizer of the tiny one, and switch adaptation on."""
    folder = project.root / name
    folder.mkdir()
    for file in KEPT[1:]:
        shutil.copy(project.root / "tiny" / file, folder)
    project.params(model={"checkpoint": name}, adapt=ON | {"epochs": 1})
    return folder


def test_a_roberta_is_adapted_and_trained(copy):  # noqa: F811
    from transformers import RobertaConfig, RobertaForMaskedLM, set_seed

    set_seed(0)
    config = RobertaConfig(
        vocab_size=5 + 2 * len(GOOD) + 12,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    RobertaForMaskedLM(config).save_pretrained(with_tokenizer(copy, "roberta"))
    copy.params(train={"lr": 1e-30, "epochs": 1})
    copy.run("adapt", "train")
    original, adapted, trained = (tensors(copy, folder) for folder in ("roberta", "models/adapt", "models/train"))
    name = "encoder.layer.1.output.dense.weight"
    assert not torch.equal(original[f"roberta.{name}"], adapted[name])
    assert torch.allclose(trained[f"roberta.{name}"], adapted[name], rtol=0, atol=1e-25)


def test_a_classifier_keeps_its_head(copy, adapted):  # noqa: F811
    from transformers import AutoModelForSequenceClassification

    names = {"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}}
    model = AutoModelForSequenceClassification.from_pretrained(copy.root / "tiny", num_labels=2, **names)
    model.save_pretrained(with_tokenizer(copy, "mine"))
    copy.params(train={"lr": 1e-30, "epochs": 1})
    copy.run("adapt", "train")
    before, after = tensors(copy, "mine"), tensors(copy, "models/train")
    unchanged = {name for name in set(before) - changed(before, after) if "key.bias" not in name}
    head = ("bert.pooler.dense", "classifier")
    assert unchanged == {f"{layer}.{kind}" for layer in head for kind in ("weight", "bias")}


def test_a_checkpoint_without_a_masked_language_head_is_refused(copy):  # noqa: F811
    from transformers import GPT2Config, GPT2Model

    GPT2Model(GPT2Config(vocab_size=30, n_embd=8, n_layer=1, n_head=1)).save_pretrained(with_tokenizer(copy, "gpt"))
    with pytest.raises(
        StrataError,
        match=r"model.checkpoint gpt: gpt2 has no masked-language head, which adapt.epochs above 0 needs",
    ):
        copy.run("adapt")


def test_a_tokenizer_without_a_mask_token_is_refused(copy):  # noqa: F811
    path = copy.root / "data/tokenize/tokenizer/tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "mask_token": None}))
    copy.params(adapt=ON)
    with pytest.raises(StrataError, match=r"model.checkpoint tiny: bert has no mask token, which adapt.epochs above 0"):
        copy.run("adapt")


def test_tokens_that_the_vocabulary_lacks_are_adapted_too(project):
    rows = [(text, label, f"Director {i % 3}") for i, (text, label) in enumerate(reviews(120))]
    write_csv(project.raw("reviews.csv"), rows, ("text", "label", "director"))
    project.recipe(annotate=["director"])
    project.params(adapt=ON | {"epochs": 1}, train={"epochs": 1})
    project.run("ingest", "standardize", "split", "resample", "tokenize", "adapt", "train")
    checkpoints = [tensors(project, folder) for folder in ("tiny", "models/adapt", "models/train")]
    sizes = [len(next(t for name, t in weights.items() if "word_embeddings" in name)) for weights in checkpoints]
    assert sizes[1] == sizes[2] == sizes[0] + 3


def test_a_batch_without_a_masked_token_has_loss_0():
    from stages.adapt.masked import masked_loss

    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]], requires_grad=True)
    assert masked_loss(logits, torch.tensor([[0, -100]])).item() == pytest.approx(
        -logits[0, 0].log_softmax(0)[0].item()
    )
    loss = masked_loss(logits, torch.tensor([[-100, -100]]))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_a_loss_that_becomes_nan_stops_the_run(copy, monkeypatch):  # noqa: F811
    exact = masked.masked_loss
    monkeypatch.setattr(masked, "masked_loss", lambda *args, **options: exact(*args, **options) * float("nan"))
    copy.params(adapt=ON | {"epochs": 1})
    shutil.rmtree(copy.root / "models/adapt")
    with pytest.raises(StrataError, match=r"the loss has become NaN or infinite; lower adapt.lr"):
        copy.run("adapt")
    assert not (copy.root / "models/adapt").exists()


def test_an_encoder_with_other_weights_under_its_masked_language_head_is_refused():
    from transformers import BertConfig, BertForMaskedLM, BertModel, DistilBertConfig, DistilBertForMaskedLM

    from stages.adapt.masked import copy_encoder

    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    bert, masked = (kind(BertConfig(vocab_size=9, **shape)) for kind in (BertModel, BertForMaskedLM))
    copy_encoder(masked, bert)
    assert torch.equal(bert.embeddings.word_embeddings.weight, masked.bert.embeddings.word_embeddings.weight)
    masked = DistilBertForMaskedLM(DistilBertConfig(vocab_size=9, dim=8, n_layers=1, n_heads=1, hidden_dim=8))
    with pytest.raises(StrataError, match=r"the encoder of bert has other weights under its masked-language head \("):
        copy_encoder(masked, bert)
