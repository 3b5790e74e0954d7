"""The predictor that serves: what it says, what it needs, and the check of the machine that it runs on."""

import importlib.metadata
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from strata.base import tables
from strata.base.errors import StrataError
from strata.commands import check, predict
from strata.runtime import manifest
from strata.runtime.explain import explain
from strata.runtime.onnx_classifier import CHUNK
from strata.runtime.predictor import FP32, Predictor
from strata.score_table import parse
from tests.conftest import ROOT, reviews, write_csv

BROUGHT_ALONG = {"_distutils_hack"}  # by the environment itself, in every process


@pytest.fixture(scope="module")
def folder(trained):
    return trained.root / "models/quantize"


def test_it_gives_the_probabilities_that_the_metrics_were_computed_from(trained, folder):
    rows = tables.read(trained.root / "data/split/test.parquet").sort_values("id")
    int8 = parse((trained.root / "plots/quantize/scores.csv").read_text())["int8", "test"]
    predictor = Predictor(folder)
    predicted = [answer["label"] for answer in predictor(rows["text"].tolist())]
    truth = [predictor.labels[i] for i in rows["label"]]
    assert np.mean([a == b for a, b in zip(predicted, truth, strict=True)]) == pytest.approx(int8["accuracy"])
    evaluated = tables.read(trained.root / "data/evaluate/predictions.parquet")
    evaluated = evaluated[evaluated["split"] == "test"].set_index("id").loc[rows["id"]]
    fp32 = Predictor(folder, FP32).probabilities(rows["text"].tolist())
    assert fp32 == pytest.approx(np.stack(evaluated["probabilities"]), abs=1e-5)


def test_what_is_said_of_a_text_depends_on_no_other_text_nor_on_threads(folder):
    texts = [text for text, _ in reviews(3 * CHUNK + 1)]
    alone = Predictor(folder, threads=1)
    one_by_one = np.concatenate([alone.probabilities([text]) for text in texts])
    for threads in (1, 3):
        among_others = Predictor(folder, threads=threads).probabilities(["good " * 300, *texts[::-1]])
        assert among_others[:0:-1] == pytest.approx(one_by_one, abs=1e-6)


@pytest.mark.parametrize("text", ["good " * 500, "\0", "ÄÖ 🎬", "a\nb", "."])
def test_any_text_gets_a_label(folder, text):
    (answer,) = Predictor(folder)([text])
    assert answer["label"] in ("negative", "positive")
    assert 0.5 <= answer["probability"] <= 1


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_a_text_without_words_has_no_label(folder, text):
    predictor = Predictor(folder)
    assert predictor([text, "good"])[0] == {"label": None, "probability": None}
    assert predictor([text, "good"])[1] == predictor(["good"])[0]
    assert explain(predictor, text)["words"] == []


def test_no_texts_and_no_strings(folder):
    predictor = Predictor(folder)
    assert predictor([]) == []
    for wrong in ("a text", [None], ["a", 1]):
        with pytest.raises(TypeError, match="texts must be"):
            predictor(wrong)
    with pytest.raises(StrataError, match="text 2 is not UTF-8"):
        predictor(["a", "caf\udce9"])
    assert predictor(np.array(["a good film"])) == predictor(text for text in ["a good film"])
    with pytest.raises(StrataError, match="threads is 0, must be 1 or more"):
        Predictor(folder, threads=0)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"text": ["a good film", "a bad film"]}),
        {"text": "a good film"},
        np.array([["a good film"]]),
        np.array("a good film"),
        b"a good film",
        None,
        Path("film"),
    ],
)
def test_what_only_looks_like_texts_is_refused_by_its_type(folder, table):
    """A table and a mapping give their names: their labels would be of no text."""
    with pytest.raises(TypeError, match=f"must be a list of strings, not {type(table).__name__}; wrap"):
        Predictor(folder)(table)


def test_a_column_of_a_table_is_texts(folder):
    table = pd.DataFrame({"text": ["a good film", "a bad film"]}, index=[7, 3])
    assert Predictor(folder)(table["text"]) == Predictor(folder)(list(table["text"]))


def test_a_model_that_is_not_in_the_folder_is_told_with_those_that_are(folder):
    with pytest.raises(StrataError, match=r"model_int8: no such file; .*onnx/model.onnx, onnx/model_quantized.onnx"):
        Predictor(folder, "model_int8")


def copied(folder, to, **changes):
    """Copy a model folder without its weights for PyTorch, with other keys in its config.json."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".safetensors":
            target = to / path.relative_to(folder)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(config | changes))
    manifest.write(to, "1.24")
    return to


def test_the_threshold_of_the_folder_decides(folder, tmp_path):
    never = Predictor(copied(folder, tmp_path, threshold=math.nextafter(1, 2), positive="positive"))
    assert {answer["label"] for answer in never([text for text, _ in reviews(20)])} == {"negative"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"positive": "pos"}, r"config.json: positive is 'pos', must be one of the labels: negative, positive"),
        ({"threshold": "0.3"}, r"config.json: threshold is '0.3', must be a number or null"),
        ({"threshold": True}, r"config.json: threshold is True, must be a number or null"),
        ({"threshold": 1.01}, r"config.json: threshold is 1.01, must be a probability from 0 to 1, or null"),
        ({"threshold": 0.3, "positive": None}, r"threshold is 0.3, but no label is positive"),
        ({"id2label": {"1": "a", "2": "b"}}, r"config.json: no id2label that names every label by its number from 0"),
        (
            {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": None, "positive": None},
            r"config.json has 3 labels, the model 2",
        ),
    ],
)
def test_a_config_that_would_tell_another_label_is_refused(folder, tmp_path, changes, sentence):
    with pytest.raises(StrataError, match=sentence):
        Predictor(copied(folder, tmp_path, **changes))


@pytest.mark.slow
def test_serving_imports_the_base_alone_from_any_folder(folder, tmp_path):
    (tmp_path / "texts.txt").write_text("a good film\ndull\n" * 10, encoding="utf-8")
    argv = [str(folder), str(tmp_path / "texts.txt")]
    predicts = f"import sys; from strata import Predictor; Predictor({argv[0]!r})(['a'])"
    command = f"import sys; from strata.commands.main import main; main(['predict', {argv[0]!r}, 'a'])"
    checks = f"import sys; from strata.commands.main import main; main(['check', *{argv}])"
    base = {"numpy", "onnxruntime", "tokenizers"}
    for code, needed in ((predicts, base), (command, base), (checks, base | {"cpuinfo"})):
        loaded = imported(code, tmp_path)
        assert loaded <= needed | BROUGHT_ALONG
        assert needed <= loaded
    pinned = [line for line in (ROOT / "requirements-base.txt").read_text().splitlines() if "==" in line]
    assert {line.split("==")[0] for line in pinned} == base | {"regex", "selectolax"}  # where a text needs them


def imported(code: str, folder) -> set[str]:
    """The installed packages that code which imports sys loads in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    return (loaded & set(importlib.metadata.packages_distributions())) - {"strata"}


def test_the_command_itself_imports_nothing_that_is_installed(tmp_path):
    assert imported("import sys; from strata.commands.main import main; main([])", tmp_path) <= BROUGHT_ALONG


def test_the_command_prints_a_line_of_json_a_text(folder, capsys, monkeypatch):
    predict.main([str(folder), "--threads", "2", "a good film", "dull"])
    given = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfa good film\r\ndull\n")))
    predict.main([str(folder), "--threads", "1"])
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == given
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a good film\ndull\n")))
    predict.main([str(folder), "-"])
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == given
    assert set(given[0]) == {"label", "probability"}


def test_a_folder_that_is_none_is_told_in_one_line(folder, tmp_path):
    with pytest.raises(StrataError, match=r"config.json: no such file; name a model folder"):
        Predictor(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(StrataError, match=r"model_quantized.onnx: no such file"):
        Predictor(tmp_path)
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx/model_quantized.onnx").write_bytes(b"no model")
    with pytest.raises(StrataError, match=r"tokenizer.json: no such file"):
        Predictor(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    manifest.write(tmp_path, "1.24")
    with pytest.raises(StrataError, match=r"config.json: no id2label"):
        Predictor(tmp_path)


def test_check_measures_agreement_here_beside_the_recorded_one(folder, tmp_path, capsys):
    write_csv(tmp_path / "texts.csv", [*reviews(60), ("", "pos")], ("review", "label"))
    check.main([str(folder), str(tmp_path / "texts.csv"), "--text", "review"])
    printed = capsys.readouterr().out
    assert "60 texts of" in printed
    recorded = json.loads((folder / "quantization.json").read_text())
    assert f"recorded {recorded['validation']['agreement']:.1%}" in printed
    assert f"recorded on a CPU with {', '.join(recorded['cpu'])}; this one has {', '.join(recorded['cpu'])}" in printed


def test_check_refuses_a_model_that_drifts_here(folder, tmp_path, monkeypatch):
    write_csv(tmp_path / "texts.csv", reviews(60))
    monkeypatch.setattr(check, "measured", lambda *_: {"agreement": 0.99, "drift": 0.6})
    with pytest.raises(StrataError, match=r"int8 and fp32 are further apart than allowed .* drift 0.5"):
        check.main([str(folder), str(tmp_path / "texts.csv")])
    (tmp_path / "empty.csv").write_text("text,label\n,pos\n")
    with pytest.raises(StrataError, match=r"empty.csv: 0 texts in it; at least 20 are needed"):
        check.main([str(folder), str(tmp_path / "empty.csv")])


def test_check_compares_fp32_with_int8(folder):
    closeness = check.measured(folder, [text for text, _ in reviews(40)])
    assert 0.5 < closeness["agreement"] <= 1
    assert 0 < closeness["drift"] < 0.2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone", "gone: no such folder; first comes a model folder, such as models/quantize"),
        ("a text of many words " * 50, "no such folder; first comes a model folder"),
        ("texts.txt", "texts.txt: is a file, not a folder; first comes a model folder"),
        ("caf\udce9", "caf\udce9: its name is not UTF-8, which ONNX Runtime needs; rename it, or set LC_ALL=C.UTF-8"),
        ("project", "project/config.json: no such file; did you mean project/models/quantize?"),
        ("project/models", "project/models/config.json: no such file; did you mean project/models/quantize?"),
    ],
)
def test_what_is_no_model_folder_is_told_by_every_command(trained, tmp_path, monkeypatch, name, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project").symlink_to(trained.root)
    (tmp_path / "caf\udce9").symlink_to(trained.root / "models/quantize")
    (tmp_path / "texts.txt").write_text("a\n" * 30)
    for command, rest in ((predict, "a text"), (check, "texts.txt")):
        with pytest.raises(StrataError, match=re.escape(sentence)):
            command.main([name, rest])


def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path):
    texts = [text for text, _ in reviews(30)]
    (tmp_path / "texts.txt").write_text("\n".join(texts), encoding="utf-8-sig")
    assert check.chosen_texts(tmp_path / "texts.txt", None, 100) == texts


def test_check_reads_the_part_and_the_column_that_are_named(folder, tmp_path, capsys):
    rows = [{"review": text} for text, _ in reviews(60)]
    (tmp_path / "texts.json").write_text(json.dumps({"april": rows[:25], "may": rows[25:]}))
    check.main([str(folder), f"{tmp_path}/texts.json#may", "--text", "review"])
    assert "35 texts of" in capsys.readouterr().out
    lines = "review\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in reviews(40))
    (tmp_path / "table.txt").write_text(lines)
    check.main([str(folder), f"{tmp_path}/table.txt", "--text", "review"])
    assert "40 texts of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["texts.txt", "MODEL"], "^the model's folder comes first: strata check MODEL texts.txt$"),
        (["MODEL", "."], "^.: is a folder, not a file; name a file of texts"),
        (["MODEL", "gone.csv"], "^gone.csv: no such file; name a file of texts"),
        (["MODEL", "gone.xlsx#May"], "^gone.xlsx#May: no such file; name a file of texts"),
        (["MODEL", "texts.txt#May"], "^texts.txt: has no parts to name; leave out #May"),
        (["MODEL", "texts.txt", "--text", "review"], "texts.txt: .*; without --text, each of its lines is a text$"),
        (["MODEL", "utf16.txt"], "^utf16.txt: is UTF-16, not UTF-8; convert it: iconv -f UTF-16 "),
        (
            ["MODEL", "latin1.txt"],
            "^latin1.txt, line 31: not UTF-8; convert it from its encoding, such as latin1: iconv [^;]*$",
        ),
        (["MODEL", "no_mark.txt"], "^no_mark.txt: is UTF-16LE, not UTF-8; convert it: iconv -f UTF-16LE "),
    ],
)
def test_check_says_which_file_it_cannot_read_and_why(folder, tmp_path, monkeypatch, argv, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "MODEL").symlink_to(folder)
    texts = "\n".join(text for text, _ in reviews(30))
    for name, encoding in (("texts.txt", "utf-8"), ("utf16.txt", "utf-16"), ("no_mark.txt", "utf-16-le")):
        (tmp_path / name).write_text(texts, encoding=encoding)
    (tmp_path / "latin1.txt").write_text(f"{texts}\n\xe9", encoding="latin1")
    with pytest.raises(StrataError, match=sentence):
        check.main(argv)


def test_check_reads_a_text_a_line_and_tells_what_it_cannot_know(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "texts.txt").write_text("\n".join(text for text, _ in reviews(30)) + "\n\n", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "cpuinfo", None)
    check.main([str(folder), str(tmp_path / "texts.txt")])
    printed = capsys.readouterr().out
    assert "30 texts of" in printed
    assert "this CPU's instructions are unknown; pip install py-cpuinfo" in printed
