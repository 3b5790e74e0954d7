"""The rows of a file are labelled: what goes in and comes out, what is set aside, and what a killed run leaves."""

import contextlib
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from strata.base import tables
from strata.base.errors import StrataError
from strata.commands import predict
from strata.labelling import label_file, partial, side_by_side, source
from strata.labelling.labeller import Labeller
from strata.labelling.rows import free_names
from strata.reading.source_file import SourceFile
from strata.runtime import manifest
from strata.runtime.predictor import FP32, Predictor
from strata.runtime.preparation import Preparation, write_preparation
from strata.score_table import parse
from strata.text.annotation import annotated
from tests.conftest import ROOT, STAGES, Project, reviews, write_csv

DIRECTORS = ("Ann", "Bob")
ROWS = [(str(i), text, label) for i, (text, label) in enumerate(reviews(30))]


@pytest.fixture(scope="module")
def folder(trained) -> Path:
    return trained.root / "models/quantize"


@pytest.fixture
def reads(tmp_path):
    """Returns a function that reads an output as text columns, as Strata reads any file."""

    def read(out: Path) -> pd.DataFrame:
        frames = [table.drop(tables.PLACE).to_pandas() for table in SourceFile(out).tables()]
        return pd.concat(frames, ignore_index=True)

    return read


def edited(folder: Path, to: Path, preparation: Preparation | None = None, **changes) -> Path:
    """Copy a model folder, with another preparation or other keys in config.json."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(config | changes))
    if preparation:
        write_preparation(to, preparation)
    manifest.write(to, "1.24")
    return to


def run(folder: Path, *argv: object) -> None:
    predict.main([str(folder), *map(str, argv)])


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 7)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".PARQUET"])
def test_each_format_keeps_the_columns_and_adds_the_answers(folder, tmp_path, reads, capsys, suffix, small_blocks):
    odd = ('7"', 'a "good",\r\nfilm', "ÄÖ 🎬")
    write_csv(tmp_path / "in.csv", [*ROWS, odd], ("id", "text", "stars"))
    run(folder, tmp_path / "in.csv", "--out", tmp_path / f"new/out{suffix}")
    rows = reads(tmp_path / f"new/out{suffix}")
    assert list(rows) == ["id", "text", "stars", "label", "probability"]
    assert list(rows[["id", "text", "stars"]].itertuples(index=False, name=None)) == [*ROWS, odd]
    answers = Predictor(folder)(rows["text"])
    assert rows["label"].tolist() == [answer["label"] for answer in answers]
    assert rows["probability"].astype(float).tolist() == [answer["probability"] for answer in answers]
    assert capsys.readouterr().out == f"predict: {tmp_path}/new/out{suffix}: 31 rows\n"
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"out{suffix}"]


def test_parquet_and_json_lines_have_numbers(folder, tmp_path):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    for suffix in ("parquet", "jsonl"):
        run(folder, tmp_path / "in.csv", "--out", tmp_path / f"out.{suffix}", "--all")
    table = pq.read_table(tmp_path / "out.parquet")
    assert [str(table.schema.field(name).type) for name in ("id", "label", "probability")] == [
        *("string", "string", "double")
    ]
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == table.to_pylist()


def test_all_adds_a_column_for_each_label(folder, tmp_path, reads):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--all")
    rows = reads(tmp_path / "out.csv")
    columns = ["probability_of_negative", "probability_of_positive"]
    assert list(rows)[-4:] == ["label", "probability", *columns]
    expected = Predictor(folder).probabilities(rows["text"])
    assert np.array_equal(rows[columns].astype(float).to_numpy(), expected)


def test_an_added_column_gets_another_name_where_the_source_has_it(folder, tmp_path, reads, capsys):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "label"))
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    rows = reads(tmp_path / "out.csv")
    assert list(rows) == ["id", "text", "label", "predicted_label", "probability"]
    assert rows["label"].tolist() == [label for _, _, label in ROWS]
    assert "predict: in.csv has a column 'label'; the model's is 'predicted_label'\n" in capsys.readouterr().err
    names = free_names(["label", "predicted_label", "predicted_label_2"], ["label", "probability"])
    assert names == {"label": "predicted_label_3", "probability": "probability"}


def test_the_text_is_named_or_that_of_the_recipe_or_a_guess_that_is_said(folder, tmp_path, reads, capsys):
    rows = [(text, "an odd note here", "x") for _, text, _ in ROWS]
    expected = Predictor(folder).probabilities([text for text, _, _ in rows])[:, 1].tolist()

    def positive(header: tuple[str, ...], *argv: str) -> list[float]:
        write_csv(tmp_path / "in.csv", rows, header)
        run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--all", *argv)
        return reads(tmp_path / "out.csv")["probability_of_positive"].astype(float).tolist()

    assert positive(("text", "note", "kind")) == expected
    assert capsys.readouterr().err == ""
    assert positive(("body", "note", "kind")) == expected
    assert capsys.readouterr().err == (
        "predict: in.csv: no column 'text'; the texts are read from 'body'; --text names another\n"
    )
    assert positive(("note", "text", "kind"), "--text", "note") == expected
    joined = Predictor(folder).probabilities([f"{text} {note}" for text, note, _ in rows])[:, 1].tolist()
    assert positive(("body", "note", "kind"), "--text", "body", "--text", "note") == joined
    assert capsys.readouterr().err == ""
    with pytest.raises(StrataError, match=r"in.csv: no column 'boddy'; did you mean body\? Allowed: body, note, kind"):
        positive(("body", "note", "kind"), "--text", "boddy")
    write_csv(tmp_path / "in.csv", [("1", "2"), ("3", "4")], ("a", "b"))
    with pytest.raises(StrataError, match=r"in.csv: no column can be the text: .*--text"):
        run(folder, tmp_path / "in.csv", "--out", tmp_path / "none.csv")
    assert not list(tmp_path.glob("*none*"))


def test_each_line_of_a_text_file_is_a_text(folder, tmp_path, reads, capsys):
    (tmp_path / "in.txt").write_text("a good film, really\n\ndull\n")
    run(folder, tmp_path / "in.txt", "--out", tmp_path / "out.csv")
    assert reads(tmp_path / "out.csv")["text"].tolist() == ["a good film, really", "dull"]
    assert capsys.readouterr().err == "predict: in.txt: 1 empty line is left out\n"
    (tmp_path / "table.txt").write_text("kind\treview\n1\ta good film\n2\ta dull film\n")
    run(folder, tmp_path / "table.txt", "--text", "review", "--out", tmp_path / "out.csv")
    assert reads(tmp_path / "out.csv")["review"].tolist() == ["a good film", "a dull film"]


def test_one_table_of_a_file_is_named_after_it(folder, tmp_path, reads):
    lists = {name: [{"text": text, "stars": 3}] for name, text in (("April", "a dull film"), ("May", "a good film"))}
    (tmp_path / "in.json").write_text(json.dumps(lists))
    run(folder, f"{tmp_path}/in.json#May", "--out", tmp_path / "out.csv")
    assert reads(tmp_path / "out.csv")[["text", "stars"]].to_numpy().tolist() == [["a good film", "3"]]


def test_rows_that_cannot_be_read_are_set_aside_and_told(folder, tmp_path, reads, capsys):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    with (tmp_path / "in.csv").open("a") as file:
        file.write("a,b\nc,d,e,f\n")
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    rejects = pq.read_table(tmp_path / "out.csv.rejects.parquet").to_pylist()
    assert rejects[0] == {"file": "in.csv", "line": 32, "reason": "2 cells where the header has 3", "raw": "a,b\n"}
    assert len(rejects) == 2
    assert len(reads(tmp_path / "out.csv")) == 30
    assert capsys.readouterr().out == (
        f"predict: {tmp_path}/out.csv: 30 rows; 2 could not be read: {tmp_path}/out.csv.rejects.parquet; "
        "the first: line 32, 2 cells where the header has 3\n"
    )
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv.rejects.parquet").exists()


def test_a_row_without_a_text_has_no_label(folder, tmp_path, capsys, small_blocks):
    model = edited(folder, tmp_path / "model", Preparation(["text"], ["html", "whitespace"]))
    texts = ["a good film", "", " \u00a0", "<p> </p>", "dull", *[""] * 9]
    write_csv(tmp_path / "in.csv", [(text, "x") for text in texts], ("text", "kind"))
    run(model, tmp_path / "in.csv", "--out", tmp_path / "out.parquet", "--all")
    rows = pq.read_table(tmp_path / "out.parquet").to_pandas()
    assert rows["label"].notna().tolist() == [text in ("a good film", "dull") for text in texts]
    for name in ("probability", "probability_of_negative", "probability_of_positive"):
        assert (rows[name].notna() == rows["label"].notna()).all()
    assert rows["probability"][4] == Predictor(folder)(["dull"])[0]["probability"]
    assert capsys.readouterr().out == f"predict: {tmp_path}/out.parquet: 14 rows (label null: 12 without a text)\n"


def test_a_model_that_may_abstain_names_the_two_likeliest_labels(folder, tmp_path, capsys):
    given = Predictor(folder)([text for _, text, _ in ROWS])
    least = float(np.median([answer["probability"] for answer in given]))
    model = edited(folder, tmp_path / "model", abstain_below=least)
    write_csv(tmp_path / "in.csv", [*ROWS, ("30", "", "pos")], ("id", "text", "stars"))
    run(model, tmp_path / "in.csv", "--out", tmp_path / "out.parquet")
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    for row, answer in zip(rows, Predictor(model)([text for _, text, _ in ROWS]), strict=False):
        assert (row["label"], row["probability"]) == (answer["label"], answer["probability"])
        likeliest = [row["likeliest"], row["second_likeliest"]]
        assert likeliest == [two["label"] for two in answer.get("likeliest", [{"label": None}] * 2)]
    unsure = sum(row["label"] is None for row in rows) - 1
    assert 0 < unsure < 30
    assert f"31 rows (label null: 1 without a text, {unsure} not sure)\n" in capsys.readouterr().out


def test_columns_that_come_late_are_kept(folder, tmp_path, small_blocks):
    rows = [{"text": text} | ({"label": label} if i > 15 else {}) for i, (_, text, label) in enumerate(ROWS)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(folder, tmp_path / "in.jsonl", "--out", tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["text", "label", "predicted_label", "probability"]
    assert table["label"].to_pylist() == [row.get("label") for row in rows]


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["in.csv", "--out", "out.xlsx"], r"--out out.xlsx: cannot write .xlsx; allowed: .csv, .jsonl, .parquet"),
        (["in.csv", "--out", "out"], r"--out out: has no suffix; allowed: .csv"),
        (["in.csv", "--out", "in.csv"], r"--out in.csv: would replace in.csv, which is read; name another file"),
        (["in.csv", "--out", "link.csv"], r"--out link.csv: would replace in.csv"),
        (["out.csv.rejects.parquet", "--out", "out.csv"], r"--out out.csv: would replace out.csv.rejects.parquet"),
        (["in.csv", "--out", "folder.csv"], r"--out folder.csv: is a folder; name a file in it"),
        (["in.csv", "in.csv", "--out", "out.csv"], r"--out takes the rows of one file, 2 are named"),
        (["--out", "out.csv"], r"--out takes the rows of one file, 0 are named"),
        (["in.csv", "--out", "in.csv/out.csv"], r"--out in.csv/out.csv: in.csv is a file, not a folder"),
        (["gone.csv", "--out", "out.csv"], r"gone.csv: no such file; name a file of texts"),
        (["folder.csv", "--out", "out.csv"], r"folder.csv: is a folder; name one of its files"),
        (["in.md", "--out", "out.csv"], r"in.md: .md is not read"),
        (["empty.csv", "--out", "out.csv"], r"empty.csv: no readable row in it$"),
        (["broken.csv", "--out", "out.csv"], r"broken.csv: no readable row in it; the first: line 2, 1 cells"),
        (["a good film", "--text", "text"], r"--text works on a file's rows, and needs --out"),
        (["a good film", "--all"], r"--all works on a file's rows, and needs --out"),
        (["in.csv"], r"strata predict FOLDER in.csv --out labelled.csv labels its rows"),
    ],
)
def test_what_cannot_be_labelled_is_told_in_one_sentence(folder, tmp_path, monkeypatch, argv, sentence):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    (tmp_path / "link.csv").symlink_to("in.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "in.md").write_text("a good film\n")
    (tmp_path / "empty.csv").write_text("text,stars\n")
    (tmp_path / "broken.csv").write_text("text,stars\na\n")
    pq.write_table(pa.table({"text": ["a good film"]}), "out.csv.rejects.parquet")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StrataError, match=sentence):
        run(folder, *argv)
    assert sorted(tmp_path.iterdir()) == before


class Killed(BaseException):
    """Ends a run as a signal does: no handler of errors catches it."""


@contextlib.contextmanager
def killed_after(blocks: int, monkeypatch):
    """End a run when a number of blocks is kept."""
    write = partial.Partial.write

    def write_or_die(self, number, table):
        if number == blocks:
            raise Killed
        write(self, number, table)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(partial.Partial, "write", write_or_die)
        yield


@pytest.fixture
def scored(monkeypatch) -> list[int]:
    """The rows of each block that is prepared for scoring."""
    rows, prepared = [], Labeller.prepared

    def count(self, block):
        rows.append(len(block))
        return prepared(self, block)

    monkeypatch.setattr(Labeller, "prepared", count)
    return rows


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    folder, tmp_path, monkeypatch, capsys, scored, small_blocks, suffix
):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    with (tmp_path / "in.csv").open("a") as file:
        file.write("a,b\n")
    argv = [folder, tmp_path / "in.csv", "--out"]
    run(*argv, tmp_path / f"whole.{suffix}")
    (tmp_path / f"out.{suffix}").write_text("earlier")
    for blocks in (1, 3):
        with killed_after(blocks, monkeypatch):
            run(*argv, tmp_path / f"out.{suffix}")
        assert (tmp_path / f"out.{suffix}").read_text() == "earlier"
        assert not (tmp_path / f"out.{suffix}.rejects.parquet").exists()
    scored.clear()
    capsys.readouterr()
    run(*argv, tmp_path / f"out.{suffix}")
    assert scored == [7, 2]
    assert capsys.readouterr().err == f"predict: resuming out.{suffix}: 21 rows are done\n"
    for name in (f".{suffix}", f".{suffix}.rejects.parquet"):
        assert (tmp_path / f"out{name}").read_bytes() == (tmp_path / f"whole{name}").read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("changed", ["input", "model", "option", "model file"])
def test_what_is_done_is_of_no_use_to_another_call(
    folder, tmp_path, monkeypatch, capsys, scored, small_blocks, changed
):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    model = edited(folder, tmp_path / "model")
    argv = [tmp_path / "in.csv", "--out", tmp_path / "out.csv"]
    with killed_after(2, monkeypatch):
        run(model, *argv)
    if changed == "input":
        write_csv(tmp_path / "in.csv", ROWS[::-1], ("id", "text", "stars"))
    if changed == "model":
        model = edited(folder, tmp_path / "other", abstain_below=0.5)
    argv += {"option": ["--all"], "model file": ["--model", FP32]}.get(changed, [])
    scored.clear()
    run(model, *argv)
    assert sum(scored) == 30
    words = "removed what another run left for out.csv: its input, model, options or code differ"
    assert capsys.readouterr().err == f"predict: {words}\n"
    expected = tmp_path / "expected.csv"
    run(model, *argv[:2], expected, *argv[3:])
    assert (tmp_path / "out.csv").read_bytes() == expected.read_bytes()


def test_a_block_that_a_crash_cut_off_is_done_again(folder, tmp_path, monkeypatch, small_blocks):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "whole.csv")
    with killed_after(3, monkeypatch):
        run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    block = tmp_path / ".out.csv.blocks/00000001.parquet"
    block.write_bytes(block.read_bytes()[:100])
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_what_is_done_and_no_output(folder, tmp_path):
    write_csv(tmp_path / "in.csv", [(text, str(i)) for i, (_, text, _) in enumerate(ROWS * 700)], ("text", "number"))
    command = [sys.executable, "-m", "strata", "predict", folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv"]
    blocks = tmp_path / ".out.csv.blocks"
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and not (blocks / "00000000.parquet").exists():
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)  # a fast machine would be done before the next line
        with pytest.raises(StrataError, match=r"out.csv: another strata predict is writing it"):
            run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out.csv").exists()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.startswith("predict: resuming out.csv: ")
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "whole.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_file_that_grows_while_it_is_read_is_refused(folder, tmp_path, monkeypatch):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    write = partial.Partial.write

    def write_and_grow(self, number, table):
        write(self, number, table)
        with (tmp_path / "in.csv").open("a") as file:
            file.write("31,dull,2\n")

    monkeypatch.setattr(partial.Partial, "write", write_and_grow)
    with pytest.raises(StrataError, match=r"in.csv: was changed while it was read; run again"):
        run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_full_disk_is_one_sentence_and_what_is_done_stays(folder, tmp_path, monkeypatch, small_blocks):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    write = tables.write

    def full(path, *argv):
        if path.stem == "00000002":
            raise OSError(28, "No space left on device")
        return write(path, *argv)

    with monkeypatch.context() as patched:
        patched.setattr(tables, "write", full)
        with pytest.raises(StrataError, match=r"out.csv: .*the disk is full.* rows that are done are kept; free"):
            run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    assert (tmp_path / ".out.csv.blocks/00000001.parquet").exists()


def test_few_blocks_are_read_ahead_however_many_there_are(folder, small_blocks):
    """So memory does not grow with the rows."""
    read = 0

    def blocks():
        nonlocal read
        for _ in range(50):
            read += 1
            yield pa.table({"text": ["a good film"] * 7})

    labeller = Labeller(Predictor(folder), Preparation(), every=False)
    for number, rows, labelled in side_by_side.labelled_blocks(labeller, blocks(), lambda *_: False):
        assert rows == len(labelled) == 7
        assert read <= number + 2 + side_by_side.AHEAD + 1


def test_blocks_end_by_their_rows_or_their_bytes(monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 3)
    monkeypatch.setattr(source, "BLOCK_SIZE", 1000)
    texts = ["a", "b", "c", "d", "e" * 2000, "f", "g"]

    def sizes(*batches: list[str]) -> list[int]:
        placed = (pa.table({"_file": batch, "_line": batch, "text": batch}) for batch in batches)
        return [len(block) for block in source.blocks(placed)]

    assert sizes(texts[:2], texts[2:4]) == [3, 1]
    assert sizes(texts[:4], texts[4:5], texts[5:]) == [3, 2, 2]


@pytest.fixture(scope="module")
def elaborate(tmp_path_factory, checkpoint) -> Project:
    """A project whose texts are joined out of two columns, cleaned and annotated."""
    made = Project(tmp_path_factory.mktemp("elaborate") / "project", checkpoint)
    made.recipe(
        columns={"text": ["title", "body"], "label": "label"},
        clean=["html", "whitespace"],
        annotate=["director", {"column": "writer", "split": ";"}],
    )
    rows = [
        (f"<b>{text.split()[0]}</b>", f"{'  '.join(text.split()[1:])}<br/>", DIRECTORS[i % 3 > 0], f"W{i % 2};X", label)
        for i, (text, label) in enumerate(reviews(120))
    ]
    write_csv(made.raw("reviews.csv"), rows, ("title", "body", "director", "writer", "label"))
    made.run(*[stage for stage in STAGES if stage != "report"])
    return made


@pytest.mark.parametrize("name", ["trained", pytest.param("elaborate", marks=pytest.mark.slow)])
def test_what_was_scored_is_what_is_served(request, tmp_path, name, capsys):
    """The raw file is labelled as evaluate and quantize scored its rows."""
    root = request.getfixturevalue(name).root
    folder = root / "models/quantize"
    raw = root / "data/raw/sample/reviews.csv"
    for model, out in ((FP32, "fp32.parquet"), ("onnx/model_quantized.onnx", "int8.parquet")):
        run(folder, raw, "--out", tmp_path / out, "--all", "--model", model)
    assert "no column" not in capsys.readouterr().err
    columns = ["probability_of_negative", "probability_of_positive"]
    fp32, int8 = (pq.read_table(tmp_path / out).to_pandas() for out in ("fp32.parquet", "int8.parquet"))
    evaluated = tables.read(root / "data/evaluate/predictions.parquet")
    recorded = np.stack(evaluated["probabilities"])
    assert fp32.loc[evaluated["id"], columns].to_numpy() == pytest.approx(recorded, abs=1e-5)
    rows = tables.read(root / "data/split/test.parquet")
    labels = Predictor(folder).labels
    right = int8.loc[rows["id"], "predicted_label"].to_numpy() == np.array(labels)[rows["label"]]
    scores = parse((root / "plots/quantize/scores.csv").read_text())["int8", "test"]
    assert right.mean() == pytest.approx(scores["accuracy"])
    texts = annotated(rows["text"], rows["annotation"])
    assert np.array_equal(int8.loc[rows["id"], columns], Predictor(folder).probabilities_of(texts))


@pytest.mark.slow
def test_a_file_without_the_annotated_columns_says_so_once(elaborate, tmp_path, capsys, small_blocks):
    rows = [(text, "x") for _, text, _ in ROWS]
    write_csv(tmp_path / "in.csv", rows, ("text", "director"))
    folder = elaborate.root / "models/quantize"
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.parquet", "--all", "--text", "text")
    said = "no column 'writer', which the model was trained to read with each text; labelled without"
    assert capsys.readouterr().err == f"predict: in.csv: {said}\n"
    given = pq.read_table(tmp_path / "out.parquet")["probability_of_positive"].to_pylist()
    assert given == Predictor(folder).probabilities([text for text, _ in rows])[:, 1].tolist()


class Terminal(io.StringIO):
    """What a person watches."""

    def isatty(self) -> bool:
        return True


def test_the_progress_bar_is_for_a_terminal_alone(folder, tmp_path, monkeypatch, capsys):
    write_csv(tmp_path / "in.csv", ROWS, ("id", "text", "stars"))
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stderr", Terminal())
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    assert "predict: 30.0 rows [" in sys.stderr.getvalue()


def test_what_a_file_says_cannot_move_the_terminals_cursor(capsys):
    label_file.report("a\x1b[2Jb")
    assert "\x1b" not in capsys.readouterr().err


@pytest.fixture
def cluster(monkeypatch):
    """The address of a cluster of two nodes with a core each, beside one that labels nothing."""
    ray_cluster = pytest.importorskip("ray.cluster_utils", reason="needs requirements-ray.txt")
    import ray

    monkeypatch.setenv("RAY_worker_niceness", "0")
    made = ray_cluster.Cluster()
    try:
        for cores in (0, 1, 1):
            made.add_node(num_cpus=cores, include_dashboard=False, object_store_memory=100 * 2**20)
        yield made.address
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.mark.slow
def test_a_cluster_writes_the_bytes_of_one_machine(folder, tmp_path, monkeypatch, small_blocks, cluster):
    from strata.labelling import on_ray

    monkeypatch.setattr(on_ray, "WINDOW", 2)
    write_csv(tmp_path / "in.csv", [*ROWS, ("30", "", "pos")], ("id", "text", "label"))
    with (tmp_path / "in.csv").open("a") as file:
        file.write("a,b\n")
    run(folder, tmp_path / "in.csv", "--out", tmp_path / "whole.csv", "--all")
    argv = [folder, tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--all", "--on", "ray", "--address", cluster]
    with killed_after(3, monkeypatch):
        run(*argv)
    import ray

    ray.shutdown()
    run(*argv)
    for name in (".csv", ".csv.rejects.parquet"):
        assert (tmp_path / f"out{name}").read_bytes() == (tmp_path / f"whole{name}").read_bytes()


@pytest.mark.parametrize(
    ("content", "column", "texts"),
    [
        ('great film\n"really, bad"\nso so\n', "column_1", ["great film", "really, bad", "so so"]),
        ("feedback\ngreat film\nso so\n", "feedback", ["great film", "so so"]),
    ],
)
def test_a_csv_file_of_one_column_is_labelled(trained, tmp_path, content, column, texts):
    (tmp_path / "texts.csv").write_text(content)
    argv = [str(trained.root / "models/quantize"), str(tmp_path / "texts.csv"), "--out", str(tmp_path / "out.csv")]
    predict.main(argv)
    labelled = pd.read_csv(tmp_path / "out.csv")
    assert labelled.columns.tolist() == [column, "label", "probability"]
    assert labelled[column].tolist() == texts
