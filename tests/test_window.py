"""What is read of a long text: the same tokens everywhere, and of several windows the mean of their logits."""

import json
import math

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, processors

from stages.evaluate.influence import influential_words
from stages.train.plan import plan
from strata.base import tables
from strata.base.errors import StrataError
from strata.calibration import read_calibration
from strata.model.batches import logits as batch_logits
from strata.model.documents import means, windows_of
from strata.model.tokens import read_tokens
from strata.runtime import text_tokens
from strata.runtime.explain import explain, occlusions
from strata.runtime.predictor import FP32, Predictor
from strata.runtime.text_tokens import TextTokens
from strata.settings.params import Tokenize, Train
from strata.settings.yaml_loader import parse_yaml
from strata.text.encoder import Encoder
from strata.text.windows import CHUNKS, HEAD, HEAD_TAIL, Window
from strata.training.plan import PART
from tests.conftest import BAD, GOOD, NEUTRAL, STAGES, Project, committed, write_csv
from tests.test_predict import copied
from tests.test_predict_stream import RUNS, TOKENIZERS
from tests.test_snapshot import end_at, train
from tests.test_train import weights

IN_CHUNKS = {"window": "chunks", "max_length": 8, "chunk_overlap": 2, "max_chunks": 3}
WINDOW = Window(8, CHUNKS, 2, 3)
WHOLE = 8 + 2 * (8 - 2 - 2)  # tokens of a text that three windows hold, with [CLS] and [SEP]


def long_reviews(rows):
    """Reviews of 3 to 30 words whose deciding words stand at the end."""
    rng = np.random.default_rng(0)
    made = {}
    while len(made) < rows:
        label = ("neg", "pos")[len(made) % 2]
        words = [*rng.choice(NEUTRAL, rng.integers(1, 28)), *rng.choice(GOOD if label == "pos" else BAD, 2)]
        made.setdefault(" ".join(words), label)
    return list(made.items())


@pytest.fixture(scope="module")
def tokenized(tmp_path_factory, checkpoint) -> Project:
    """A project whose texts are read in chunks, run up to adapt, which trains on them."""
    made = Project(tmp_path_factory.mktemp("window") / "project", checkpoint)
    write_csv(made.raw("reviews.csv"), long_reviews(120))
    made.params(tokenize=IN_CHUNKS, adapt={"epochs": 1}, train={"epochs": 2})
    made.run("ingest", "standardize", "split", "resample", "tokenize", "adapt")
    return made


@pytest.fixture(scope="module")
def trained(tokenized, tmp_path_factory) -> Project:
    made = tokenized.copied(tmp_path_factory.mktemp("window_trained") / "project")
    made.run(*STAGES[STAGES.index("baseline") :])
    return made


def metrics(project, stage):
    return json.loads((project.root / f"metrics/{stage}.json").read_text())


def windows_by_hand(ids):
    """Cut the token ids of a whole text with [CLS] and [SEP]: another way to the same windows."""
    if len(ids) <= 8:
        return [ids]
    body, cut = ids[1:-1], []
    while body[:6]:
        cut.append(body[:6])
        body = body[4:] if len(body) > 6 else []
    cut = cut[:3]
    if len(cut[-1]) < 6:
        cut[-1] = ids[1:-1][-6:]
    return [[ids[0], *part, ids[-1]] for part in cut]


def test_a_document_in_chunks_has_the_same_logits_in_evaluate_the_predictor_and_onnx_runtime_by_hand(trained):
    folder = trained.root / "models/quantize"
    rows = tables.read(trained.root / "data/evaluate/predictions.parquet").query("split == 'test'")
    texts = tables.read(trained.root / "data/split/test.parquet").set_index("id").loc[rows["id"], "text"].tolist()
    calibration, _ = read_calibration(trained.root / "data/evaluate/calibration.json")
    evaluated = calibration.logits(np.stack(rows["logits"]))
    predictor = Predictor(folder, FP32)
    ids = predictor.tokens.ids(texts)
    assert {np.atleast_2d(document).shape[0] for document in ids} == {1, 2, 3}
    assert predictor.classifier.logits(ids) == pytest.approx(evaluated, abs=1e-5)
    assert predictor.probabilities(texts) == pytest.approx(np.stack(rows["probabilities"]), abs=1e-5)

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    session = onnxruntime.InferenceSession(folder / FP32)
    for text, expected in zip(texts, evaluated, strict=True):
        windows = np.array(windows_by_hand(tokenizer.encode(text).ids))
        (logits,) = session.run(["logits"], {"input_ids": windows, "attention_mask": np.ones_like(windows)})
        assert logits.mean(axis=0) == pytest.approx(expected, abs=1e-5), text


def test_rows_are_stored_with_their_windows(tokenized):
    rows = read_tokens(tokenized.root / "data/tokenize/test")
    texts = tables.read(tokenized.root / "data/split/test.parquet").set_index("id").loc[rows.id, "text"].tolist()
    tokenizer = Tokenizer.from_file(str(tokenized.root / "data/tokenize/tokenizer/tokenizer.json"))
    tokenizer.no_truncation()
    for ids, text, length in zip(rows.input_ids, texts, rows.lengths, strict=True):
        assert np.atleast_2d(ids).tolist() == windows_by_hand(tokenizer.encode(text).ids), text
        assert length == ids.size
    summary = metrics(tokenized, "tokenize")
    lengths = [len(tokenizer.encode(text).ids) for text in texts]
    share = np.mean([length > WHOLE for length in lengths])
    assert 0 < share < 1
    assert summary["test"]["truncated_share"] == pytest.approx(share, abs=1e-5)
    assert summary["test"]["windows"] == len(windows_of(rows.input_ids)[0])
    assert summary["test"]["tokens"] == rows.lengths.sum()


def test_adapt_trains_on_every_window(tokenized):
    windows, _ = windows_of(read_tokens(tokenized.root / "data/tokenize/train").input_ids)
    assert len(windows) > 100
    assert metrics(tokenized, "adapt")["steps"] == math.ceil(len(windows) / 32)


def test_the_folder_says_how_a_text_is_read_and_other_runtimes_read_its_head(trained):
    folder = trained.root / "models/quantize"
    said = json.loads((folder / "config.json").read_text())["window"]
    assert said == {"max_length": 8, "kind": "chunks", "overlap": 2, "max_chunks": 3}
    text = "film " * 40
    assert len(Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids) == 8
    rows = tables.read(trained.root / "data/split/test.parquet")
    heads = Predictor(folder)
    heads.tokens.window = Window(8)
    predicted = heads.probabilities(rows["text"].tolist()).argmax(axis=1)
    measured = metrics(trained, "quantize")["head_accuracy"]
    assert measured == pytest.approx((predicted == rows["label"]).mean(), abs=1e-5)
    card = (trained.root / "model_card.md").read_text()
    assert "in up to 3 overlapping windows, whose logits are averaged" in card
    assert f"the int8 model has {100 * measured:.1f}" in card.replace(" ", " ")


def test_words_of_every_window_are_weighed(trained):
    predictor = Predictor(trained.root / "models/quantize")
    text = f"{'film ' * 12}lovely"
    assert len(predictor.tokens.ids([text])[0]) == 3
    explanation = explain(predictor, text)
    assert [word["word"] for word in explanation["words"]] == text.split()
    made = occlusions(predictor, text)
    whole, nothing, *others = made.input_ids
    assert np.array_equal(whole, predictor.tokens.ids([text])[0])
    assert [len(np.atleast_2d(ids)) for ids in others] == [3] * 13 + [1] * 13
    assert len(np.atleast_2d(nothing)[0]) == 2


@pytest.mark.slow
def test_a_killed_run_on_chunks_ends_in_the_same_bytes(tokenized, trained, tmp_path):
    copy = tokenized.copied(tmp_path / "project")
    copy.params(snapshots={"steps": 4})
    train(copy, end_at("run.Run.step", 7), fails=True)
    assert "resumes after step 4 of 12" in train(copy)
    assert weights(copy) == weights(trained)


def test_the_gradient_of_a_document_is_shared_by_its_windows():
    logits = torch.arange(12.0).reshape(6, 2).requires_grad_()
    documents = torch.stack(means(logits, [1, 3, 2]))
    assert documents.tolist() == [[0, 1], [4, 5], [9, 10]]
    (documents * torch.tensor([[1.0], [6.0], [4.0]])).sum().backward()
    assert logits.grad[:, 0].tolist() == [1, 2, 2, 2, 2, 2]


def test_documents_are_scored_in_any_batches():
    documents = [np.array([5, 1]), np.array([[1, 2, 3], [4, 5, 6]]), np.array([7]), np.array([[9, 9, 9]] * 3)]

    def logits_of(ids, mask):
        return np.stack([ids.sum(axis=1), mask.sum(axis=1)], axis=1)

    for size in (1, 2, 100):
        assert batch_logits(documents, logits_of, size, 0).tolist() == [[6, 2], [10.5, 3], [7, 1], [27, 3]]


def test_a_part_of_a_batch_holds_whole_documents():
    lengths = np.array([3 * PART, 100, PART // 2, PART // 2, 100, 30])
    section = Train.model_validate(parse_yaml(committed("params.yaml"))["train"] | {"batch_size": 6})
    for parts in plan(lengths, 0, section, "cpu").batches:
        assert sorted(np.concatenate(parts)) == list(range(6))
        assert all(len(part) == 1 or len(part) * lengths[part].max() <= PART for part in parts)


ANNOTATED = ["", " <year=1999>", " <year=1999> <by=K>"]


def special_tokenizers():
    """Tokenizers of three kinds, with what stands around a text and the tokens of an `annotate`."""
    made = {}
    for kind, tokenizer in TOKENIZERS.items():
        whole = Tokenizer.from_str(tokenizer.to_str())
        names = ("<year=1999>", "<by=K>", "[B]", "[E]")
        whole.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
        special = [(token, whole.token_to_id(token)) for token in ("[B]", "[E]")]
        whole.post_processor = processors.TemplateProcessing("[B] $A [E]", None, special)
        made[kind] = whole
    return made


SPECIAL = special_tokenizers()


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(deadline=None, max_examples=100)
@given(
    runs=st.lists(RUNS, max_size=40),
    max_length=st.integers(5, 12),
    window=st.sampled_from([(HEAD,), (HEAD_TAIL,), (CHUNKS, 0, 2), (CHUNKS, 2, 4)]),
    tokens=st.sampled_from(ANNOTATED),
)
def test_an_incoming_text_has_the_tokens_that_tokenize_gives_it(
    tmp_path_factory, kind, runs, max_length, window, tokens
):
    text = "".join(part * times for part, times in runs) + tokens
    expected = stage_ids(SPECIAL[kind], text, Window(max_length, *window))
    read = runtime(tmp_path_factory.mktemp("tokenizer"), SPECIAL[kind], Window(max_length, *window))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text_tokens, "FIRST_CHARACTERS", 1)  # so that texts are cut
        patched.setattr(text_tokens, "MARGIN", 2)
        others = ["", "good " * 30]
        assert np.array_equal(read.ids([*others, text])[-1], expected)


def test_head_and_tail_are_a_quarter_and_three_at_any_length(tmp_path):
    tokenizer = SPECIAL["bert"]
    for max_length in (5, 8, 10):
        window = Window(max_length, HEAD_TAIL)
        read, places = runtime(tmp_path, tokenizer, window), max_length - 2
        for words in range(max_length + 5):
            letters = " ".join("abcd"[i % 4] for i in range(words))
            for tokens in ANNOTATED:
                body = tokenizer.encode(letters + tokens, add_special_tokens=False).ids
                first = math.ceil(places / 4)
                kept = body if len(body) <= places else [*body[:first], *body[first - places :]]
                ids = np.asarray(read.ids([letters + tokens])[0])
                assert ids[1:-1].tolist() == kept
                assert np.array_equal(ids, stage_ids(tokenizer, letters + tokens, window))
                assert len(ids) <= max_length


def stage_ids(tokenizer, text, window):
    """What stages/tokenize stores of a text."""
    encoder = Encoder(Tokenizer.from_str(tokenizer.to_str()))
    return encoder.document(encoder.bodies([text])[0], window)


def runtime(folder, tokenizer, window):
    """The tokens as the predictor takes them from a folder with this window."""
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.enable_truncation(window.max_length)
    whole.save(str(folder / "tokenizer.json"))
    said = {} if window.kind == HEAD else {"window": window._asdict()}
    (folder / "config.json").write_text(json.dumps(said))
    return TextTokens(folder / "tokenizer.json", folder / "config.json")


def test_long_texts_are_tokenized_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(text_tokens, "MOST_CHARACTERS", 100)
    read = runtime(tmp_path, SPECIAL["bert"], Window(6, HEAD_TAIL))
    batches = []
    bodies = Encoder.bodies
    monkeypatch.setattr(Encoder, "bodies", lambda self, texts: batches.append(texts) or bodies(self, texts))
    texts = ["a b " * 10, "c " * 500, "a", "b " * 30, "d"]
    assert len(read.ids(texts)) == 5
    assert [[len(text) for text in batch] for batch in batches] == [[40], [100], [1, 60, 1]]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "tail"},
        {"max_length": 9},
        {"overlap": 5},
        {"overlap": -1},
        {"max_chunks": 0},
        {"max_chunks": "3"},
        {"size": 3},
    ],
    ids=str,
)
def test_a_window_that_makes_no_sense_is_refused(tmp_path, change):
    read = runtime(tmp_path, SPECIAL["bert"], WINDOW)
    assert read.window == WINDOW
    (tmp_path / "config.json").write_text(json.dumps({"window": WINDOW._asdict() | change}))
    with pytest.raises(StrataError, match=r"config.json: its window is .*; take the folder from one run"):
        TextTokens(tmp_path / "tokenizer.json", tmp_path / "config.json")


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"max_length": 40, "chunk_overlap": 40}, "chunk_overlap is 40, at most 20 is allowed, half of max_length"),
        ({"max_length": "auto", "chunk_overlap": 33}, "chunk_overlap is 33, at most 32 is allowed, half of the least"),
        ({"max_length": 40, "chunk_overlap": 20, "max_chunks": 1}, "greater than or equal to 2"),
    ],
)
def test_settings_of_chunks_that_do_not_advance_are_refused(section, sentence):
    with pytest.raises(ValueError, match=sentence):
        Tokenize(**{"window": "chunks", "max_chunks": 8} | section)
    Tokenize(**{"max_chunks": 8} | section | {"window": "head", "max_chunks": 8})


def test_an_overlap_as_large_as_what_a_window_holds_of_a_text_is_refused(project):
    project.params(tokenize={"window": "chunks", "max_length": 4, "chunk_overlap": 2})
    project.run("ingest", "standardize", "split", "resample")
    with pytest.raises(StrataError, match=r"chunk_overlap is 2, and a window has 2 tokens of a text; lower it"):
        project.run("tokenize")


def test_what_is_cut_is_told_with_its_remedy(project, capsys):
    write_csv(project.raw("reviews.csv"), long_reviews(60))
    project.run("ingest", "standardize", "split", "resample")
    said = {}
    for name, section in {
        "head_tail": {"window": "head_tail", "max_length": 8},
        "longest": {"window": "head_tail", "max_length": 32},
        "few chunks": IN_CHUNKS | {"max_chunks": 2},
        "chunks": IN_CHUNKS | {"max_chunks": 8},
    }.items():
        project.params(tokenize=section)
        capsys.readouterr()
        project.run("tokenize")
        said[name] = capsys.readouterr().out
        tokens = read_tokens(project.root / "data/tokenize/train")
        assert max(np.atleast_2d(ids).shape[1] for ids in tokens.input_ids) <= section["max_length"]
    assert "CAUTION: the middle of " in said["head_tail"]
    assert said["head_tail"].endswith("-S tokenize.max_length=auto, or -S tokenize.window=chunks\n")
    assert "CAUTION" not in said["longest"] + said["chunks"]
    assert "CAUTION: the end of " in said["few chunks"]
    assert said["few chunks"].endswith("is not read, after 12 tokens: -S tokenize.max_chunks=4\n")
    assert " 0.0% of rows truncated" in said["chunks"]
    assert " windows, " in said["chunks"]


@pytest.mark.parametrize("window", [HEAD_TAIL, CHUNKS])
def test_auto_gives_the_rows_that_its_number_gives(project, checkpoint, window):
    write_csv(
        project.raw("reviews.csv"),
        [(f"{'film plot ' * 40}{i} {word}", word[:3]) for i in range(20) for word in ("pos", "neg")],
    )
    project.run("ingest", "standardize", "split", "resample")
    made = {}
    for setting in ("auto", 32):
        project.params(tokenize={"max_length": setting, "window": window, "chunk_overlap": 8, "max_chunks": 4})
        project.run("tokenize")
        paths = [path for path in (project.root / "data/tokenize").rglob("*") if path.is_file()]
        made[setting] = {path: path.read_bytes() for path in paths}
    assert made["auto"] == made[32]


def test_head_and_tail_are_read_by_the_predictor_of_a_folder(trained, tmp_path):
    folder = copied(trained.root / "models/quantize", tmp_path, window=Window(8, HEAD_TAIL)._asdict())
    predictor = Predictor(folder)
    text = "good film plot actor scene music story the a awful"
    same = ["good", "film", "scene", "music", "story", "the", "a", "awful"]
    ids = predictor.tokens.ids([text])[0]
    words = [*["good", "film"], *["story", "the", "a", "awful"]]
    assert ids.tolist() == predictor.tokens.tokenizer.encode(" ".join(words)).ids
    assert len(same) > len(words)
    assert [word["word"] for word in explain(predictor, text)["words"]] == words


def test_the_words_behind_an_error_are_found_in_every_window(tokenized):
    from transformers import AutoTokenizer, BertConfig

    tokenizer = AutoTokenizer.from_pretrained(tokenized.root / "data/tokenize/tokenizer")

    class Linear(torch.nn.Module):
        """The logit of label 1 is 3 for each `bad`."""

        config = BertConfig(num_labels=2)

        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(len(tokenizer), 2)
            with torch.no_grad():
                self.embedding.weight.zero_()
                self.embedding.weight[tokenizer.convert_tokens_to_ids("bad"), 1] = 3

        def get_input_embeddings(self):
            return self.embedding

        def forward(self, input_ids, attention_mask):
            from types import SimpleNamespace

            return SimpleNamespace(logits=(self.embedding(input_ids) * attention_mask[..., None]).sum(dim=1))

    texts = [
        f"film plot film bad {'the ' * 5}bad",
        "bad",
        f"{'the ' * 30}bad",
    ]  # in two windows, whole, beyond the last
    words = influential_words(
        Linear(), tokenizer, texts, np.array([1, 1, 1]), np.array([0, 0, 0]), WINDOW, steps=2, batch_size=2, most=2
    )
    assert [word for word, _ in words[0]] == ["bad", "bad"]
    assert [value for _, value in words[0]] == pytest.approx([1.5, 1.5])
    assert words[1] == [("bad", pytest.approx(3))]
    assert [value for _, value in words[2]] == pytest.approx([0, 0])


def test_the_default_reads_the_head():
    assert parse_yaml(committed("params.yaml"))["tokenize"]["window"] == HEAD
