"""Fine-tuning: which weights are kept, that runs repeat, and that every setting has its effect."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import weakref
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.special import softmax
from sklearn.metrics import log_loss

from stages.train import launch
from strata.base import tables
from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.precision import AUTOCAST
from strata.settings.params import Train
from strata.settings.reader import read_settings
from strata.settings.yaml_loader import parse_yaml
from tests.conftest import DVC, ROOT, STAGES, Project, committed, reviews, write_csv

SCHEDULES = get_args(Train.model_fields["schedule"].annotation)


@pytest.fixture
def copy(tokenized, tmp_path) -> Project:
    """A tokenized project of its own."""
    return tokenized.copied(tmp_path / "project")


def weights(project) -> str:
    """Return the SHA-256 of the trained weights."""
    return hashlib.sha256((project.root / "models/train/model.safetensors").read_bytes()).hexdigest()


def curve(project, name="validation") -> pd.DataFrame:
    return pd.read_csv(project.root / f"plots/train/{name}.csv")


def test_the_model_loads_with_its_label_names_and_contains_no_pickle(trained):
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


def test_training_lowers_the_loss_and_reaches_a_good_accuracy(trained):
    assert curve(trained)["accuracy"].iloc[-1] > 0.8
    losses = curve(trained, "training")
    assert losses["loss"].iloc[-1] < losses["loss"].iloc[0]


def test_validation_is_scored_at_even_distances_and_at_the_end(trained):
    # 84 rows / 16 = 6 steps an epoch, 6 epochs, 2 evaluations an epoch
    assert curve(trained)["step"].tolist() == [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36]


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_and_another_seed_different_ones(copy):
    copy.run("train")
    first = weights(copy), (copy.root / "plots/train/validation.csv").read_bytes()
    copy.run("train")
    assert (weights(copy), (copy.root / "plots/train/validation.csv").read_bytes()) == first
    copy.params(seed=43)
    copy.run("train")
    assert weights(copy) != first[0]


def test_the_best_weights_by_the_named_metric_are_kept(copy):
    """The learning rate rises until the model gets worse, so the best evaluation is not the last."""
    copy.params(train={"lr": 0.5, "schedule": "constant_with_warmup", "warmup": 0.9, "epochs": 4, "patience": None})
    copy.run("baseline", "train", "evaluate")
    losses = curve(copy)["loss"]
    assert losses.idxmin() != len(losses) - 1
    rows = tables.read(copy.root / "data/evaluate/predictions.parquet").query("split == 'validation'")
    loss = log_loss(rows["label"], softmax(np.stack(rows["logits"]), axis=1), labels=[0, 1])
    assert loss == pytest.approx(losses.min(), rel=1e-3)


def test_training_stops_early_when_the_score_no_longer_improves(copy):
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
def test_every_setting_changes_the_weights(trained, copy, change):
    copy.params(train=change)
    copy.run("train")
    assert weights(copy) != weights(trained)


@pytest.fixture
def without_peft(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)


def tensors(project) -> dict[str, torch.Tensor]:
    return load_file(project.root / "models/train/model.safetensors")


def changed(before: dict, after: dict) -> set[str]:
    """Return the names of the weights that differ."""
    return {name for name in before if not torch.equal(before[name], after[name])}


def before(project) -> dict[str, torch.Tensor]:
    """Return the weights that training starts from, under the names they have in the trained model."""
    encoder = load_file((project.root / "tiny").resolve() / "model.safetensors")
    return {f"bert.{name}": tensor for name, tensor in encoder.items()}


def test_frozen_embeddings_stay_and_everything_else_changes(copy):
    copy.params(train={"freeze_embeddings": True, "epochs": 1})
    copy.run("train")
    unchanged = set(before(copy)) - changed(before(copy), tensors(copy))
    assert {name for name in unchanged if "key.bias" not in name} == {
        f"bert.embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type")
    }


def test_frozen_layers_stay(copy):
    copy.params(train={"freeze_layers": 1, "epochs": 1})
    copy.run("train")
    names = changed(before(copy), tensors(copy))
    assert not [name for name in names if "layer.0." in name or "embeddings" in name]
    assert "bert.encoder.layer.1.output.dense.weight" in names
    copy.params(train={"freeze_layers": 3})
    with pytest.raises(StrataError, match=r"train.freeze_layers is 3, the checkpoint has 2 layers; lower it"):
        copy.run("train")


def test_gradient_checkpointing_computes_twice_and_changes_nothing(trained, copy, monkeypatch):
    from transformers.models.bert.modeling_bert import BertSelfOutput

    calls, forward = [], BertSelfOutput.forward
    monkeypatch.setattr(BertSelfOutput, "forward", lambda self, *a, **k: calls.append(1) or forward(self, *a, **k))
    copy.params(train={"epochs": 1})
    copy.run("train")
    plain, plain_calls = tensors(copy), len(calls)
    calls.clear()
    copy.params(train={"gradient_checkpointing": True})
    copy.run("train")
    assert len(calls) > 1.5 * plain_calls
    assert not changed(plain, tensors(copy))


def test_a_clipped_gradient_and_smoothed_labels_change_the_weights(copy):
    copy.params(train={"epochs": 1})
    copy.run("train")
    plain = tensors(copy)
    copy.params(train={"max_grad_norm": 0.01})
    copy.run("train")
    assert changed(plain, tensors(copy))
    copy.params(train={"max_grad_norm": 1.0, "label_smoothing": 0.3})
    copy.run("train")
    assert changed(plain, tensors(copy))


def test_label_smoothing_spreads_the_target_over_the_labels():
    from stages.train.loss import summed_cross_entropy

    logits, label = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    log_p = logits.log_softmax(dim=1)[0]
    loss = summed_cross_entropy(logits, label, None, 0.2)
    assert loss.item() == pytest.approx(-(0.9 * log_p[0] + 0.1 * log_p[1]).item())


def test_a_budget_of_tokens_makes_batches_of_any_number_of_rows(copy):
    copy.params(train={"batch_tokens": 60, "epochs": 1})
    copy.run("train")
    assert curve(copy)["step"].iloc[-1] > 12  # 857 tokens and some padding / 60


def test_lora_changes_the_linear_layers_and_is_merged(copy):
    copy.params(train={"lora_rank": 4, "epochs": 2, "lr": 0.05})
    copy.run("baseline", "train", "evaluate")
    names = changed(before(copy), tensors(copy))
    assert "bert.encoder.layer.0.attention.self.query.weight" in names
    assert not [name for name in names if "LayerNorm" in name or "embeddings" in name]
    assert set(tensors(copy)) - set(before(copy)) == {"classifier.weight", "classifier.bias"}


def test_lora_without_peft_says_what_to_install(copy, without_peft):
    copy.params(train={"lora_rank": 4})
    with pytest.raises(StrataError, match=r"train.lora_rank is 4, but peft is not installed: pip install -r requirem"):
        copy.run("train")


def test_with_teacher_weight_1_the_teacher_is_learned_and_not_the_labels(trained, copy):
    """The labels are flipped after the teacher was trained."""
    import pyarrow as pa
    from datasets import Dataset, load_from_disk

    rows = load_from_disk(copy.root / "data/tokenize/train")
    flipped = rows.data.table.set_column(2, "label", pa.array([1 - label for label in rows["label"]]))
    shutil.rmtree(copy.root / "data/tokenize/train")
    Dataset(flipped).save_to_disk(copy.root / "data/tokenize/train")
    copy.params(train={"teacher": str(trained.root / "models/train"), "teacher_weight": 1.0})
    copy.run("train")
    assert curve(copy)["accuracy"].max() > 0.8
    copy.params(train={"teacher": None})
    copy.run("train")
    assert curve(copy)["accuracy"].max() < 0.6


def test_a_teacher_must_be_a_classifier_of_the_labels(copy):
    for teacher, sentence in (
        ("tiny", "train.teacher tiny: is no classifier; a teacher must be fine-tuned for the recipe's 2 labels"),
        ("gone", "train.teacher gone: no such folder with a model; name one that train wrote"),
    ):
        copy.params(train={"teacher": teacher})
        with pytest.raises(StrataError, match=sentence):
            copy.run("train")


def teacher_folder(project, name: str, change=lambda classifier: classifier) -> str:
    """Copy the trained model into a folder. change: of the classifier's weights."""
    shutil.copytree(project.root / "models/train", project.root / name)
    path = project.root / name / "model.safetensors"
    content = load_file(path)
    save_file(content | {"classifier.weight": change(content["classifier.weight"])}, path, metadata={"format": "pt"})
    return name


def test_one_teacher_in_a_list_gives_the_bytes_of_one_that_is_named(copy_of_trained):
    teacher_folder(copy_of_trained, "a")
    hashes = []
    for teacher in ("a", ["a"], None):
        copy_of_trained.params(train={"teacher": teacher, "epochs": 1})
        copy_of_trained.run("train")
        hashes.append(weights(copy_of_trained))
    assert hashes[0] == hashes[1] != hashes[2]


def test_of_several_teachers_the_mean_is_learned_and_one_at_a_time_is_in_memory(copy_of_trained, monkeypatch):
    from stages.train import teacher
    from strata.training import run_key

    copy, kept, loaded, keys = copy_of_trained, [], [], []
    folders = [teacher_folder(copy, "a"), teacher_folder(copy, "b", lambda classifier: -0.5 * classifier)]
    learn_from, load_model, key_of = teacher.learn_from, teacher.load_model, run_key.run_key

    def watched(training, paths):
        learn_from(training, paths)
        each = [teacher.teacher_probabilities(training, path) for path in paths]
        kept.append((training.teacher.exp().numpy(), each))

    def counted(*args):
        assert not [model for model in loaded if model()], "the teacher before is still in memory"
        model = load_model(*args)
        loaded.append(weakref.ref(model))
        return model

    monkeypatch.setattr(teacher, "learn_from", watched)
    monkeypatch.setattr(teacher, "load_model", counted)
    monkeypatch.setattr(run_key, "run_key", lambda *args: keys.append(key_of(*args)) or keys[-1])
    monkeypatch.chdir(copy.root)
    copy.params(train={"teacher": folders, "epochs": 1})
    copy.run("train")
    (mean, (first, second)) = kept[0]
    assert len(loaded) == 4
    assert np.abs(first - second).max() > 0.1
    assert mean == pytest.approx((first + second) / 2)
    shutil.rmtree(copy.root / "b")
    teacher_folder(copy, "b")
    copy.run("train")
    assert keys[0] != keys[1], "the state of a killed run is not that of a run with another second teacher"


def test_each_teacher_is_checked_before_one_scores(copy_of_trained, monkeypatch):
    from stages.train import teacher

    good = teacher_folder(copy_of_trained, "a")
    (copy_of_trained.root / teacher_folder(copy_of_trained, "cut") / "model.safetensors").write_bytes(b"short")
    monkeypatch.setattr(teacher, "predict", lambda *_: pytest.fail("a teacher has scored"))
    for bad, sentence in (
        ("tiny", "train.teacher tiny: is no classifier"),
        ("gone", "train.teacher gone: no such folder with a model"),
        ("cut", "train.teacher cut/model.safetensors: not readable weights"),
    ):
        copy_of_trained.params(train={"teacher": [good, bad]})
        with pytest.raises(StrataError, match=sentence):
            copy_of_trained.run("train")


def test_a_teacher_without_finite_logits_is_named(copy_of_trained):
    teacher_folder(copy_of_trained, "a")
    teacher_folder(copy_of_trained, "b", lambda classifier: torch.full_like(classifier, 3e38))
    copy_of_trained.params(train={"teacher": ["a", "b"]})
    with pytest.raises(StrataError, match=r"train.teacher b: gives NaN or infinite logits; set train.precision to fp3"):
        copy_of_trained.run("train")


@pytest.mark.parametrize("kind", ["Bert", "DistilBert", "Roberta", "XLMRoberta", "ModernBert"])
def test_freezing_lora_and_faster_dropout_work_with_common_architectures(kind, shipped):
    import transformers

    from stages.train import trainable
    from stages.train.dropout import speed_up
    from strata.training.bf16 import keep_activations_in_bf16

    settings = read_settings(shipped / "params.yaml", shipped / "recipes")[0].train
    names = {"DistilBert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}}
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = getattr(transformers, f"{kind}Config")(vocab_size=50, pad_token_id=0, **names.get(kind, shape))
    ids = torch.randint(5, 50, (3, 9), generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": ids, "attention_mask": torch.tensor([[1] * 9, [1] * 5 + [0] * 4, [1] * 2 + [0] * 7])}

    def new_model() -> transformers.PreTrainedModel:
        transformers.set_seed(0)
        return transformers.AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()

    with torch.no_grad():
        plain, fast = new_model(), new_model()
        expected = plain(**inputs).logits
        speed_up(fast)
        assert torch.allclose(fast(**inputs).logits, expected, atol=1e-5)
        keep_activations_in_bf16(fast)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.allclose(fast(**inputs).logits.float(), expected, atol=0.05)

    frozen = new_model()
    trainable.freeze(frozen, settings.model_copy(update={"freeze_layers": 1}))
    needs_gradient = []
    layers = max((m for m in frozen.modules() if isinstance(m, torch.nn.ModuleList)), key=len)
    layers[1].register_forward_pre_hook(lambda module, inputs: needs_gradient.append(inputs[0].requires_grad))
    frozen(**inputs)
    assert needs_gradient == [False], "no gradient is computed for frozen layers"

    lora = trainable.with_lora(new_model(), 4, 8, seed=0)
    torch.nn.functional.cross_entropy(lora(**inputs).logits, torch.tensor([0, 1, 0])).backward()
    trained = [name for name, p in lora.named_parameters() if p.grad is not None]
    on_top = [name for name, child in new_model().named_children() if child is not new_model().base_model]
    on_top = [
        name
        for name in on_top
        if list(getattr(new_model(), name).parameters()) and name != new_model().base_model_prefix
    ]
    assert on_top
    assert all(any(f".{top}.modules_to_save" in name for name in trained) for top in on_top)
    assert not [name for name in trained if "lora_" not in name and "modules_to_save" not in name]


def test_the_distillation_loss_is_that_of_hinton():
    from stages.train.loss import summed_distillation

    logits, teacher = torch.tensor([[1.0, -1.0]]), torch.tensor([[0.0, 3.0]])
    p, q = (teacher / 2).softmax(1)[0], (logits / 2).softmax(1)[0]
    loss = summed_distillation(logits, teacher, 2.0)
    assert loss.item() == pytest.approx(4 * (p * (p / q).log()).sum().item())


@pytest.mark.parametrize("key", ["checkpoint", "teacher"])
def test_a_classifier_of_other_labels_is_refused(trained, copy, key):
    folder = copy.root / "other"
    shutil.copytree(trained.root / "models/train", folder)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": "ham", "1": "spam"}
    (folder / "config.json").write_text(json.dumps(config))
    section = "model" if key == "checkpoint" else "train"
    copy.params(**{section: {key: "other"}})
    with pytest.raises(StrataError, match=rf"{section}.{key} other: its labels are ham, spam, the recipe's "):
        copy.run("train")


def test_a_trained_model_can_be_trained_further(trained, copy):
    shutil.copytree(trained.root / "models/train", copy.root / "mine")
    copy.params(model={"checkpoint": "mine"}, train={"epochs": 1, "lr": 1e-4})
    copy.run("train")
    assert curve(copy)["loss"].iloc[0] < 0.9 * curve(trained)["loss"].iloc[0]


@pytest.mark.slow
def test_a_compiled_model_learns_the_same(trained, copy, monkeypatch):
    """By a backend that traces the model as the others do, and generates no code, which takes a minute."""
    monkeypatch.setattr("torch.compile", functools.partial(torch.compile, backend="aot_eager"))
    copy.params(train={"compile": True})
    copy.run("train")
    assert curve(copy)["loss"].iloc[-1] == pytest.approx(curve(trained)["loss"].iloc[-1], abs=0.02)


def without_dropout(project):
    """Take the random numbers of dropout away, which depend on how rows are divided."""
    config = json.loads((project.root / "tiny/config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    shutil.copytree((project.root / "tiny").resolve(), project.root / "no_dropout")
    (project.root / "no_dropout/config.json").write_text(json.dumps(config))
    project.params(model={"checkpoint": "no_dropout"})


def test_parts_of_a_batch_give_the_step_of_the_whole_batch(copy, monkeypatch):
    without_dropout(copy)
    copy.params(train={"epochs": 2})
    copy.run("train")
    loss, whole = curve(copy, "training")["loss"], tensors(copy)
    monkeypatch.setattr("strata.training.plan.PART", 40)
    copy.run("train")
    assert curve(copy, "training")["loss"].to_numpy() == pytest.approx(loss.to_numpy(), abs=1e-4)
    assert max((whole[name] - tensor).abs().max().item() for name, tensor in tensors(copy).items()) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 2},
        {"epochs": 8, "batch_size": 83, "gradient_accumulation": 2, "lr": 1e-3},  # the 84th row is its own batch
        {"epochs": 2, "freeze_layers": 1, "gradient_checkpointing": True},
    ],
    ids=["plain", "a process without a row", "frozen and checkpointed"],
)
def test_two_processes_have_the_same_losses_as_one(copy, change):
    without_dropout(copy)
    copy.params(train=change)
    copy.run("train")
    alone = curve(copy, "training")["loss"], tensors(copy)
    copy.params(train={"processes": 2})
    argv = [sys.executable, *DVC["stages"]["train"]["cmd"].split()[1:]]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, cwd=copy.root, env=env, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("kept") == 1, "only the first process prints"
    assert curve(copy, "training")["loss"].to_numpy() == pytest.approx(alone[0].to_numpy(), abs=1e-4)
    together = tensors(copy)
    assert max((alone[1][name] - together[name]).abs().max().item() for name in together) < 1e-3


def test_the_fast_dropout_has_the_right_rate_and_keeps_the_mean():
    from stages.train.dropout import mask

    torch.manual_seed(0)
    values = mask(torch.Size([1000, 1001]), 0.1, torch.float32)
    assert values.unique().tolist() == pytest.approx([0, 1 / 0.9])
    assert (values == 0).float().mean().item() == pytest.approx(0.1, abs=0.002)
    assert values.mean().item() == pytest.approx(1, abs=0.002)
    assert mask(torch.Size([0, 3]), 0.1, torch.float32).shape == (0, 3)


def test_the_fast_attention_equals_that_of_the_model(checkpoint):
    from transformers import AutoModel

    from stages.train.dropout import Dropout, speed_up

    plain, fast = (AutoModel.from_pretrained(checkpoint, attn_implementation="eager").eval() for _ in range(2))
    speed_up(fast)
    assert any(isinstance(module, Dropout) for module in fast.modules())
    ids, mask = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    expected, actual = (model(input_ids=ids, attention_mask=mask).last_hidden_state for model in (plain, fast))
    assert torch.allclose(actual, expected, atol=1e-5)
    fast.train()
    assert not torch.equal(fast(input_ids=ids).last_hidden_state, fast(input_ids=ids).last_hidden_state)


def test_a_batch_of_long_rows_is_computed_in_parts_of_one_step():
    from stages.train.plan import plan
    from strata.training.plan import PART

    lengths = np.random.default_rng(0).integers(3, 513, 1000)
    given = {"batch_size": 32, "epochs": 1, "min_steps": None}
    settings = Train.model_validate(parse_yaml(committed("params.yaml"))["train"] | given)
    planned = plan(lengths, 1, settings, "cpu")
    assert sorted(sum(map(len, step)) for step in planned.batches) == [8, *[32] * 31]
    parts = [part for step in planned.batches for part in step]
    assert sorted(np.concatenate(parts)) == list(range(1000))
    assert max(len(part) * lengths[part].max() for part in parts) <= PART
    assert any(len(step) == 4 for step in planned.batches), "32 rows of up to 512 tokens"
    short = plan(np.minimum(lengths, 128), 1, settings, "cpu")
    assert all(len(step) == 1 for step in short.batches)
    assert all(len(step) == 1 for step in plan(lengths, 1, settings, "cuda").batches), "a GPU has the memory"


def test_an_epoch_has_every_row_once_and_little_padding():
    from strata.training.plan import epoch_batches

    lengths = np.random.default_rng(0).integers(3, 128, 5000)
    for tokens in (None, 2000):
        planned = epoch_batches(lengths, 1, 0, 32, tokens)
        assert sorted(np.concatenate(planned)) == list(range(5000))
        assert [rows.tolist() for rows in planned] == [
            rows.tolist() for rows in epoch_batches(lengths, 1, 0, 32, tokens)
        ]
        assert [rows.tolist() for rows in planned] != [
            rows.tolist() for rows in epoch_batches(lengths, 1, 1, 32, tokens)
        ]
        padded = [len(rows) * lengths[rows].max() for rows in planned]
        assert sum(padded) < 1.05 * lengths.sum()
        assert max(padded) <= (tokens or 32 * 128)
    assert max(map(len, epoch_batches(lengths, 1, 0, 32, None))) == 32
    assert [len(rows) for rows in epoch_batches(np.array([500, 3, 3]), 0, 0, 32, 10)] in ([1, 2], [2, 1])


def test_gradient_accumulation_takes_fewer_steps(copy):
    copy.params(train={"gradient_accumulation": 2})
    copy.run("train")
    assert curve(copy)["step"].iloc[-1] == 18


def test_an_undefined_best_metric_is_named(copy):
    from datasets import load_from_disk

    rows = load_from_disk(copy.root / "data/tokenize/validation")
    rows.filter(lambda row: row["label"] == 0).save_to_disk(copy.root / "one")
    shutil.rmtree(copy.root / "data/tokenize/validation")
    (copy.root / "one").rename(copy.root / "data/tokenize/validation")
    copy.params(train={"best_metric": "roc_auc"})
    with pytest.raises(StrataError, match=r"train.best_metric roc_auc is undefined on validation rows of one label"):
        copy.run("train")


def test_only_the_ratios_of_class_weights_count():
    from stages.train.loss import class_weights

    label, names = np.array([0, 0, 0, 1]), Labels(["no", "yes"], "yes")
    expected = class_weights(label, names, {"no": 1.0, "yes": 3.0})
    assert torch.allclose(expected, class_weights(label, names, {"no": 1000.0, "yes": 3000.0}))
    assert torch.allclose(expected, class_weights(label, names, "balanced"))
    assert expected[label].mean().item() == pytest.approx(1)


def test_tensorboard_gets_every_point_of_the_curves_and_the_speed(copy):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    copy.params(train={"epochs": 1}, watch={"tensorboard": str(copy.root / "logs")})
    copy.run("train")
    events = EventAccumulator(str(copy.root / "logs"))
    events.Reload()
    assert [event.step for event in events.Scalars("training/loss")] == curve(copy, "training")["step"].tolist()
    assert events.Scalars("validation/accuracy")[-1].value == pytest.approx(curve(copy)["accuracy"].iloc[-1])
    assert min(event.value for event in events.Scalars("rows_per_second")) > 0


def test_a_loss_that_becomes_nan_stops_the_run(copy, monkeypatch):
    from stages.train import loss

    exact = loss.summed_cross_entropy
    monkeypatch.setattr(loss, "summed_cross_entropy", lambda *args: exact(*args) * float("nan"))
    with pytest.raises(StrataError, match=r"the loss has become NaN or infinite; lower train.lr"):
        copy.run("train")
    assert not (copy.root / "models/train").exists()


def test_a_checkpoint_with_a_head_of_other_labels_is_refused(copy):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(copy.root / "tiny", num_labels=5)
    model.save_pretrained(copy.root / "five")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(copy.root / "tiny" / name, copy.root / "five" / name)
    copy.params(model={"checkpoint": "five"})
    with pytest.raises(StrataError, match=r"model.checkpoint five: cannot be loaded with 2 labels"):
        copy.run("train")


@pytest.mark.slow
def test_annotations_have_embeddings_up_to_the_quantized_model(project):
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


def mean_loss(logits, labels, weights):
    from stages.train.loss import summed_cross_entropy

    return summed_cross_entropy(logits, labels, torch.tensor(weights)) / len(labels)


def test_class_weights_change_the_loss_of_each_labels_rows(copy):
    from stages.train.loss import class_weights
    from strata.labels import Labels

    labels = Labels(["ham", "spam"], "spam")
    assert class_weights([0, 0, 0, 1], labels, "none") is None
    assert class_weights([0, 0, 0, 1], labels, "balanced").tolist() == pytest.approx([2 / 3, 2.0])
    assert class_weights([0, 1], labels, {"spam": 3.0, "ham": 1.0}).tolist() == [0.5, 1.5]
    logits, truth = torch.tensor([[1.0, -1.0], [0.5, 0.2]]), torch.tensor([0, 1])
    each = torch.nn.functional.cross_entropy(logits, truth, reduction="none")
    assert mean_loss(logits, truth, [1.0, 3.0]).item() == pytest.approx((each[0] + 3 * each[1]).item() / 2)
    copy.params(train={"epochs": 1, "class_weights": {"negative": 1.0, "positive": 1000.0}})
    copy.run("train")
    assert curve(copy)["recall"].iloc[-1] == 1.0  # every row is predicted positive
    weighted = weights(copy)
    copy.params(train={"class_weights": "none"})
    copy.run("train")
    assert weights(copy) != weighted


def test_curves_and_scores_are_written_during_training(copy, monkeypatch):
    from stages.train import validation

    counts, evaluate = [], validation.evaluate

    def watched(training, snapshots):
        if training.run.counters.validation:
            metrics = json.loads((copy.root / "metrics/train.json").read_text())
            counts.append((metrics["steps"], len(curve(copy)), len(curve(copy, "training"))))
        evaluate(training, snapshots)

    monkeypatch.setattr(validation, "evaluate", watched)
    copy.params(train={"epochs": 1, "evaluations_per_epoch": 3})
    copy.run("train")
    assert counts == [(3, 1, 3), (5, 2, 5)]


def test_learning_rates_follow_their_schedule():
    from strata.training.learning_rate import learning_rate

    rates = {name: [learning_rate(name, step, 10, 2) for step in range(10)] for name in SCHEDULES}
    assert all(values[:3] == [0.0, 0.5, 1.0] for values in rates.values())
    assert rates["linear"][6] == 0.5
    assert rates["cosine"][6] == pytest.approx(0.5)
    assert rates["cosine"][4] > rates["linear"][4]
    assert set(rates["constant_with_warmup"][2:]) == {1.0}


def test_every_schedule_of_the_schema_is_known_and_others_raise():
    from strata.training import learning_rate

    assert set(learning_rate.SCHEDULES) == set(SCHEDULES)
    with pytest.raises(KeyError, match="polynomial"):
        learning_rate.learning_rate("polynomial", 0, 10, 2)


def test_every_precision_of_the_schema_is_known():
    assert {"auto", *AUTOCAST} == set(get_args(Train.model_fields["precision"].annotation))


def test_an_unknown_class_weight_raises():
    from stages.train.loss import class_weights

    labels = Labels(["no", "yes"], "yes")
    with pytest.raises(KeyError, match="yes"):
        class_weights(np.array([0, 1]), labels, {"no": 1.0})
    with pytest.raises(
        ValueError, match=r"train.class_weights is sqrt; allowed: none, balanced, or one weight per lab"
    ):
        class_weights(np.array([0, 1]), labels, "sqrt")


def test_layers_that_are_not_in_one_list_are_not_frozen_by_guess():
    from transformers import BartConfig, BartForSequenceClassification

    from stages.train.trainable import encoder_layers

    shape = {"d_model": 8, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "encoder_attention_heads": 1}
    config = BartConfig(vocab_size=9, encoder_layers=2, decoder_layers=2, decoder_attention_heads=1, **shape)
    with pytest.raises(StrataError, match="cannot tell which modules of a bart are its 2 layers; set it to 0"):
        encoder_layers(BartForSequenceClassification(config))


def test_a_process_of_several_without_its_rank_raises(monkeypatch):
    from strata.training.process_group import ProcessGroup

    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert ProcessGroup(1).size == 1
    with pytest.raises(KeyError, match="RANK"):
        ProcessGroup(2)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"MASTER_ADDR": "h", "MASTER_PORT": "1"}, r"train.nodes is 2, but NODE_RANK is not set in the environment"),
        ({"NODE_RANK": "0"}, r"but MASTER_ADDR, MASTER_PORT is not set"),
        ({"NODE_RANK": "2", "MASTER_ADDR": "h", "MASTER_PORT": "1"}, r"NODE_RANK is 2, must be a number from 0 to 1"),
    ],
)
def test_several_machines_need_to_know_each_other(monkeypatch, environment, sentence):
    for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StrataError, match=sentence):
        launch.rendezvous(2)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    settings = Train.model_validate(parse_yaml(committed("params.yaml"))["train"] | {"processes": 2})
    with pytest.raises(StrataError, match=r"train.processes is 2, more than the GPUs of this machine \(1\)"):
        launch.launch(settings, [])
