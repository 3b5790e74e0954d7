"""strata predict reads a stream: each line is answered when it is there, and none of it fills the memory."""

import gzip
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from strata.base.errors import StrataError
from strata.commands import predict
from strata.runtime import text_tokens
from strata.runtime.predictor import Predictor
from strata.runtime.text_tokens import MOST_CHARACTERS, TextTokens
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def folder(trained):
    return trained.root / "models/quantize"


def started(folder, *argv: str, **options) -> subprocess.Popen:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options
    return subprocess.Popen([sys.executable, "-m", "strata", "predict", folder, *argv], cwd=ROOT, **pipes)


def test_a_line_is_answered_before_the_next_is_typed(folder):
    with started(folder) as process:
        for text in (b"a good film\n", b"dull\n"):
            process.stdin.write(text)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["label"] in ("negative", "positive")
        process.stdin.close()
        assert process.wait() == 0
        assert process.stderr.read() == b""


def test_at_a_prompt_it_says_how_to_go_on(folder):
    terminal, own = pty.openpty()
    with started(folder, stdin=own) as process:
        os.close(own)
        assert process.stderr.readline() == b"predict: type a text a line; Ctrl-D ends\n"
        os.write(terminal, b"a good film\n")
        assert json.loads(process.stdout.readline())["label"] in ("negative", "positive")
        os.write(terminal, b"\x04")
        assert process.wait() == 0
    os.close(terminal)


def test_the_answers_are_those_of_all_lines_at_once(folder, monkeypatch):
    texts = ["a good film", "", "  ", "dull " * 400, "ÄÖ 🎬", "x\ry"] * 5
    monkeypatch.setattr(predict, "READ", 7)
    stream = io.BufferedReader(io.BytesIO("\n".join(texts).encode()))
    read = [predict.decoded(line) for some in predict.lines(stream) for line in some]
    assert read == texts


def test_of_a_long_line_only_what_is_read_is_kept(monkeypatch):
    monkeypatch.setattr(predict, "READ", 10)
    monkeypatch.setattr(predict, "MOST_BYTES", 8)
    stream = io.BufferedReader(io.BytesIO(f"{'ä' * 30}\nshort\n1234567ä9\n".encode()))
    read = [predict.decoded(line) for some in predict.lines(stream) for line in some]
    assert read == ["ääää", "short", "1234567"]


def test_the_lines_before_one_that_is_not_utf8_are_answered(folder, capsys):
    stream = io.BufferedReader(io.BytesIO(b"a good film\ndull\ncaf\xe9\nwarm\n"))
    with pytest.raises(StrataError, match=r"text 3 is not UTF-8; convert it"):
        predict.answer_lines(Predictor(folder), stream)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_characters_that_a_terminal_obeys_are_escaped_and_the_answer_stays(capsys):
    label = "\x1b[31mgood\x9b\u202e 好 👨\u200d👩"
    predict.answer(lambda _: [{"label": label, "probability": 0.5}], ["a"])
    printed = capsys.readouterr().out
    assert printed == '{"label": "\\u001b[31mgood\\u009b\\u202e 好 👨\u200d👩", "probability": 0.5}\n'
    assert json.loads(printed)["label"] == label


@pytest.mark.parametrize("name", ["reviews.csv", "empty", "folder"])
def test_a_text_that_is_a_path_is_a_question(folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text("text\na good film\n")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StrataError, match=rf"^{name} is a (file|folder).* echo {name} \| strata predict FOLDER$"):
        predict.main([str(folder), "a good film", name])
    with pytest.raises(StrataError, match=rf"^{tmp_path}/{name} is a (file|folder)"):
        predict.main([str(folder), str(tmp_path / name)])


@pytest.mark.parametrize("name", ["gone.csv", "GONE.Txt", "*.jsonl.gz", "/gone", "../gone", "sub/gone", "sub/*"])
def test_the_name_of_a_file_that_is_not_there_is_a_question(folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    quoted = f"'{name}'" if "*" in name else name
    words = f"{name} looks like the name of a file, and no such file is there; strata predict FOLDER < FILE labels"
    with pytest.raises(StrataError, match=f"^{re.escape(words)} .*echo {re.escape(quoted)} \\| strata predict FOLDER$"):
        predict.main([str(folder), "a good film", name])


def test_a_pipe_among_the_texts_is_told_from_a_file(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        StrataError, match=r"pipe is a pipe or device: COMMAND \| strata predict FOLDER labels each line"
    ):
        predict.main([str(folder), str(tmp_path / "pipe")])


def test_a_file_that_is_no_text_is_not_to_be_read_by_lines(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my table.parquet").write_bytes(b"PAR1\0")
    with pytest.raises(StrataError, match=r"^my table.parquet is Parquet; save its texts .* echo 'my table.parquet' "):
        predict.main([str(folder), "my table.parquet"])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("a good film\n".encode("utf-16"), "UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8 FILE"),
        ("a good film\n".encode("utf-16-le"), "UTF-16LE, not UTF-8; convert it: iconv -f UTF-16LE"),
        ("a good film\n".encode("utf-16-be"), "UTF-16BE, not UTF-8; convert it: iconv -f UTF-16BE"),
        ("好电影\n".encode("utf-16"), "UTF-16, not UTF-8"),
        ("a good film\n".encode("utf-32"), "UTF-32, not UTF-8"),
        (gzip.compress(b"a good film\n", mtime=0), "compressed (gzip); unpack it: gzip -dc FILE"),
        (b"PK\x03\x04\x14\0", "a spreadsheet or an archive (zip)"),
    ],
)
def test_other_encodings_and_formats_are_told_by_name_and_nothing_of_them_is_labelled(folder, capsys, data, found):
    with pytest.raises(StrataError, match=rf"^standard input is {re.escape(found)}"):
        predict.answer_lines(Predictor(folder), io.BufferedReader(io.BytesIO(data)))
    assert not capsys.readouterr().out


def test_without_arguments_only_the_folder_is_missing():
    with pytest.raises(StrataError, match="arguments are required: FOLDER; see strata predict --help"):
        predict.main([])


@pytest.mark.parametrize("text", ["node.js", "10/10", "n/a", "see new.csv", "", "a" * 10_000, "a\0b", "a good film"])
def test_a_text_that_is_no_path_is_a_text(folder, capsys, text):
    predict.main([str(folder), text])
    assert len(capsys.readouterr().out.splitlines()) == 1


def hear_ctrl_c() -> None:
    """Undo what a shell does to jobs in the background, which ignore Ctrl-C, and so do their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_without_a_traceback(folder):
    with started(folder, preexec_fn=hear_ctrl_c) as process:
        process.stdin.write(b"a good film\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("closed", "sentence"),
    [
        ("<&-", "predict: standard input is closed; give texts, or a file"),
        (">&-", "predict: standard output is closed"),
        ("< texts.txt > /dev/full", "predict: standard output: cannot be written (the disk is full"),
        ("'a good film' > /dev/full", "predict: standard output: cannot be written (the disk is full"),
    ],
)
def test_a_closed_input_or_output_is_one_line(folder, tmp_path, closed, sentence):
    (tmp_path / "texts.txt").write_text("a good film\n" * 10)
    command = f'"{sys.executable}" -m strata predict "{folder}" {closed}'
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_memory_grows_neither_with_the_number_of_lines_nor_with_the_length_of_one(folder, tmp_path):
    few, many, long = (tmp_path / name for name in ("few", "many", "long"))
    few.write_text("a good film\n" * 3000)
    many.write_text("a good film\n" * 60_000)
    long.write_text("good film " * 5_000_000 + "\n" + "x" * 50_000_000)
    peaks = {}
    for path, answers in ((few, 3000), (many, 60_000), (long, 2)):
        with path.open("rb") as texts, started(folder, stdin=texts) as process:
            assert sum(1 for _ in process.stdout) == answers
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks[path.name] = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # MB
    assert peaks["many"] < peaks["few"] + 60
    assert peaks["long"] < peaks["few"] + 400


# kinds of tokenizers: words, words and punctuation, bytes by GPT-2's pattern, and pieces of SentencePiece
WORDS = ["good", "bad", "film", "##s", "a", "b", "##b", "x", "!", "'", "##1", "1"]
LETTERS = [*"abcdefghilmorstx !'1,.é\n", "Ġ", "▁"]


def tokenizers() -> dict[str, Tokenizer]:
    vocab = {word: i for i, word in enumerate(["[UNK]", "[CLS]", "[SEP]", *WORDS])}
    bert = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=20))
    bert.normalizer, bert.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    bert.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    pieces = {letter: i for i, letter in enumerate(sorted({*LETTERS, *pre_tokenizers.ByteLevel.alphabet()}))}
    merges = [("g", "o"), ("go", "o"), ("a", "a"), ("aa", "a"), ("Ġ", "a")]
    for left, right in merges:
        pieces.setdefault(left + right, len(pieces))
    gpt = Tokenizer(models.BPE(pieces, merges))
    gpt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    scores = [(piece, -float(i % 7)) for i, piece in enumerate([*LETTERS, "aa", "good", "▁a"])]
    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), *scores], 0))
    unigram.normalizer, unigram.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    return {"bert": bert, "gpt": gpt, "unigram": unigram}


TOKENIZERS = tokenizers()
RUNS = st.tuples(st.sampled_from([*LETTERS, "good", "good film's ", "aaaa", "  ", "é́"]), st.integers(1, 40))


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(deadline=None, max_examples=150)
@given(runs=st.lists(RUNS, max_size=60), max_length=st.integers(3, 9))
def test_a_cut_text_has_the_tokens_of_the_whole_text(tmp_path_factory, kind, runs, max_length):
    text = "".join(part * times for part, times in runs)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer = Tokenizer.from_str(TOKENIZERS[kind].to_str())
    tokenizer.enable_truncation(max_length)
    tokenizer.save(str(path))
    tokens = TextTokens(path)
    for first, margin in ((16, 16), (1, 16), (1, 2)):  # the last ones cut often, within words too
        with mock.patch.multiple(text_tokens, FIRST_CHARACTERS=first, MARGIN=margin):
            assert tokens.ids([text]) == [tokenizer.encode(text).ids]


def test_a_long_text_is_cut_soon_and_one_without_enough_words_at_the_limit(folder, monkeypatch):
    tokens = TextTokens(folder / "tokenizer.json")
    text = "good film " * 100_000
    assert len(tokens.cut(text)) <= 64 * tokens.max_length
    assert tokens.ids([text]) == tokens.ids([text[:10_000]])
    assert tokens.cut("short") == "short"
    for text in ("x" * 2 * MOST_CHARACTERS, " " * 2 * MOST_CHARACTERS):
        monkeypatch.setattr(text_tokens, "MOST_CHARACTERS", 50_000)
        assert len(tokens.cut(text)) == 50_000


def test_labels_of_long_texts_are_those_of_the_uncut_ones(folder):
    predictor = Predictor(folder)
    texts = ["good " * 5_000, "bad " * 5_000, "x" * 30_000 + " good", " " * 30_000 + "bad film", "好" * 20_000]
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    expected = predictor.classifier.probabilities([whole.encode(text).ids for text in texts])
    assert predictor.probabilities(texts) == pytest.approx(np.array(expected), abs=0)
