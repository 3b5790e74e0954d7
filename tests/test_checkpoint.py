"""A checkpoint that is broken, or lacks what is its own, is refused with the name of what is wrong."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
)

from stages.tokenize.__main__ import load_tokenizer
from stages.tokenize.max_length import check
from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model import classifier
from strata.model.pretrained import load_model
from tests.test_train import copy  # noqa: F401

LABELS = Labels(["negative", "positive"], "positive")
QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.fixture
def folder(checkpoint, tmp_path):
    return shutil.copytree(checkpoint, tmp_path / "model")


def change_weights(folder, change) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def change_json(folder, name="config.json", **changes) -> None:
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(content | changes))


def tokenizer_of(folder):
    """Load it as tokenize does, which looks at the model, too."""
    tokenizer = load_tokenizer(folder)
    check(16, folder, tokenizer)
    return tokenizer


def refused(folder, sentence) -> None:
    """Both the first stage that loads it, and train, which may start from another folder."""
    for load in (lambda: tokenizer_of(folder), lambda: classifier.load(folder, folder, LABELS, 0)):
        with pytest.raises(StrataError, match=sentence) as error:
            load()
        assert str(error.value).startswith(f"model.checkpoint {folder}")
        assert "\n" not in str(error.value)


def test_a_whole_checkpoint_loads_and_only_its_head_is_drawn(folder):
    tokenizer_of(folder)
    models = [classifier.load(folder, folder, LABELS, seed)[0] for seed in (0, 0, 1)]
    weights = load_file(folder / "model.safetensors")
    for model in models:
        assert all(model.bert.state_dict()[name].equal(weight) for name, weight in weights.items())
    assert models[0].classifier.weight.equal(models[1].classifier.weight)
    assert not models[0].classifier.weight.equal(models[2].classifier.weight)


@pytest.mark.parametrize("name", [QUERY, "embeddings.word_embeddings.weight", "pooler.dense.bias"])
def test_a_missing_tensor_is_named(folder, name):
    change_weights(folder, lambda weights: weights.pop(name))
    refused(folder, rf"its weights lack bert.{name}, which would be drawn at random; download or copy it again")


def test_many_missing_tensors_are_counted(folder):
    change_json(folder, num_hidden_layers=4)
    refused(folder, r"its weights lack bert.encoder.layer.2.\S+, \S+, \S+ and 29 more, which would be drawn at random")


@pytest.mark.parametrize("shape", [(0,), (0, 32), (32, 0)])
def test_an_empty_tensor_is_named(folder, shape):
    change_weights(folder, lambda weights: weights.update({QUERY: torch.empty(shape)}))
    refused(folder, rf"model.safetensors: {QUERY} is empty; download or copy it again")


def test_a_tensor_of_another_shape_is_named(folder):
    change_json(folder, vocab_size=5)
    refused(folder, r"word_embeddings.weight has shape \(25, 32\), and by config.json \(5, 32\); take both from one")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(folder, value):
    change_weights(folder, lambda weights: weights[QUERY].__setitem__((3, 4), value))
    refused(folder, rf"bert.{QUERY} contains NaN or infinity; download or copy it again")


@pytest.mark.parametrize("layers", [0, 1])
def test_layers_that_the_config_leaves_out_are_named(folder, layers):
    change_json(folder, num_hidden_layers=layers)
    refused(folder, rf"config.json has fewer layers than the weights, which hold encoder.layer.{layers}.")


@pytest.mark.parametrize("kind", ["cut", "empty", "garbage", "lying"])
def test_weights_that_cannot_be_read_are_told_with_their_file(folder, kind):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header[QUERY]["data_offsets"][1] += 10**9
    lying = json.dumps(header).encode()
    path.write_bytes(
        {
            "cut": content[:-100],
            "empty": b"",
            "garbage": b"x" * 1000,
            "lying": len(lying).to_bytes(8, "little") + lying + content[8 + size :],
        }[kind]
    )
    refused(folder, r"model.safetensors: not readable weights \(.*\); download or copy it again, or choose another")


def test_missing_weights_and_parts_of_them_are_named(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, r": no model.safetensors in it; ")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}))
    refused(folder, r": part-1.safetensors, part-2.safetensors are missing; ")
    index.write_text("[]")
    refused(folder, r"index.json: lists no files of weights; ")


@pytest.mark.parametrize(
    "changes",
    [
        {"num_attention_heads": 0},
        {"num_attention_heads": 5},
        {"hidden_size": 0},
        {"hidden_size": -5},
        {"hidden_size": "wide"},
        {"hidden_dropout_prob": "some"},
        {"hidden_dropout_prob": 7},
        {"hidden_act": "none of them"},
        {"vocab_size": None},
        {"model_type": "unheard_of"},
    ],
)
def test_a_config_with_an_impossible_value_is_told_with_its_file(folder, changes):
    change_json(folder, **changes)
    refused(folder, r"config.json(: not a usable configuration)? \(.+\); download or copy it again, or choose another")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_config_that_cannot_be_read_is_told_with_its_file(folder, content):
    (folder / "config.json").write_bytes(content)
    refused(folder, r"config.json: not a usable configuration \(.+\); download or copy it again, or choose another")


def test_a_tokenizer_whose_ids_the_model_has_not_is_refused(folder):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["unheard"] = 999_999
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(StrataError, match=r"its tokenizer has a token with id 999,999, and the model 25 tokens; take"):
        tokenizer_of(folder)


@pytest.mark.parametrize("content", ["{", '{"model": {}}'])
def test_a_tokenizer_that_cannot_be_read_is_told_with_its_folder(folder, content):
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(StrataError, match=rf"^model.checkpoint {folder}: its tokenizer cannot be loaded \(.+\); "):
        tokenizer_of(folder)


def test_a_masked_language_model_has_no_pooler_and_is_whole(folder):
    BertForMaskedLM(BertConfig.from_pretrained(folder)).save_pretrained(folder)
    tokenizer_of(folder)
    classifier.load(folder, folder, LABELS, 0)
    for kind in (AutoModel, AutoModelForMaskedLM):
        load_model(kind, folder)
    change_weights(folder, lambda weights: weights.pop(f"bert.{QUERY}"))
    refused(folder, rf"its weights lack bert.{QUERY}, which")
    change_json(folder, architectures=None)
    refused(folder, rf"its weights lack bert.{QUERY}, which")


def test_a_classifier_that_lacks_a_part_of_its_own_head_is_refused(folder):
    BertForSequenceClassification(BertConfig.from_pretrained(folder)).save_pretrained(folder)
    classifier.load(folder, folder, LABELS, 0)
    change_weights(folder, lambda weights: weights.pop("classifier.bias"))
    refused(folder, r"its weights lack classifier.bias, which would be drawn at random")


def test_adapt_refuses_it_too(copy):  # noqa: F811
    broken = shutil.copytree((copy.root / "tiny").resolve(), copy.root / "broken")
    change_weights(broken, lambda weights: weights.pop(QUERY))
    copy.params(model={"checkpoint": "broken"}, adapt={"epochs": 1})
    with pytest.raises(StrataError, match=rf"model.checkpoint broken: its weights lack {QUERY}"):
        copy.run("adapt")
    assert not (copy.root / "models/.adapt.partial").exists()


@pytest.mark.parametrize("stage", ["evaluate", "quantize"])
def test_a_fine_tuned_model_that_lacks_a_tensor_is_refused(copy_of_trained, stage):
    change_weights(copy_of_trained.root / "models/train", lambda weights: weights.pop(f"bert.{QUERY}"))
    with pytest.raises(StrataError, match=rf"the model models/train: its weights lack bert.{QUERY}, .*dvc checkout"):
        copy_of_trained.run(stage)


def test_the_probe_reads_the_model_and_leaves_the_tokenizer_as_it_was(folder):
    before = AutoTokenizer.from_pretrained(folder).backend_tokenizer.to_str()
    assert tokenizer_of(folder).backend_tokenizer.to_str() == before
    assert isinstance(load_model(AutoModelForSequenceClassification, folder), BertForSequenceClassification)
