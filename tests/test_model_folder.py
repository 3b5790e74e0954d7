"""A model folder is not trusted as it lies: each fault in it is one sentence that names the file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from strata.base.errors import StrataError
from strata.commands import check
from strata.runtime import manifest, onnx_classifier
from strata.runtime.onnx_classifier import NotFiniteError
from strata.runtime.predictor import QUANTIZED, Predictor
from tests.conftest import ROOT


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    return shutil.copytree(trained.root / "models/quantize", tmp_path / "model")


def edited(folder: Path, name: str, **changes) -> Path:
    """Change keys of a JSON file, and give the folder the manifest of a run that wrote it so."""
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(content | changes), encoding="utf-8")
    manifest.write(folder, "1.24")
    return folder


def refused(folder: Path, sentence: str) -> None:
    with pytest.raises(StrataError, match=sentence) as error:
        Predictor(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_quantize_lists_every_file_with_its_size_and_hash(trained):
    folder = trained.root / "models/quantize"
    listed = json.loads((folder / "manifest.json").read_text())
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(listed["files"]) == set(files) - {"manifest.json"}
    assert all(entry["size"] == files[name].stat().st_size for name, entry in listed["files"].items())
    manifest.check(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", QUANTIZED])
def test_a_changed_file_is_named_by_the_predictor_and_by_check(folder, tmp_path, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    refused(folder, rf"{name}: not the file that manifest.json lists .*dvc checkout --force")
    (tmp_path / "texts.txt").write_text("a text\n" * 30)
    with pytest.raises(StrataError, match=rf"{name}: not the file that manifest.json lists"):
        check.main([str(folder), str(tmp_path / "texts.txt")])


def test_check_compares_the_recorded_figures_with_the_manifest(folder, tmp_path):
    (folder / "quantization.json").write_text("{}")
    (tmp_path / "texts.txt").write_text("a text\n" * 30)
    with pytest.raises(StrataError, match=r"quantization.json: not the file that manifest.json lists"):
        check.main([str(folder), str(tmp_path / "texts.txt")])


def test_swapped_labels_are_found_by_the_manifest_alone(folder):
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": config["id2label"]["1"], "1": config["id2label"]["0"]}
    config["label2id"] = {label: int(i) for i, label in config["id2label"].items()}
    (folder / "config.json").write_text(json.dumps(config))
    refused(folder, r"config.json: not the file that manifest.json lists")


def test_a_folder_without_its_manifest_or_with_one_that_lists_nothing_is_refused(folder):
    (folder / "manifest.json").write_text("[]")
    refused(folder, r"manifest.json: lists no files; restore the folder")
    (folder / "manifest.json").write_text("[" * 100_000)
    refused(folder, r"manifest.json: nested too deeply")
    (folder / "manifest.json").unlink()
    refused(folder, r"manifest.json: no such file; .*Run stages.quantize again")


def test_the_whole_folder_is_compared_where_asked_for(folder):
    (folder / "added.txt").touch()
    with pytest.raises(StrataError, match=r"added.txt: not in manifest.json; remove it"):
        manifest.check(folder)
    (folder / "added.txt").unlink()
    (folder / "model.safetensors").unlink()
    with pytest.raises(StrataError, match=r"model.safetensors: no such file"):
        manifest.check(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id2label": {"0": "a", "1": "a"}, "positive": None}, "two labels are 'a'"),
        ({"id2label": {"0": "a", "1": 7}, "positive": None}, "a label is 7, must be text"),
        ({"id2label": {"0": "a", "1": ""}, "positive": None}, "a label is '', must be text"),
        ({"id2label": ["a", "b"]}, "no id2label that names every label"),
        ({"id2label": {}}, "no id2label that names every label"),
        ({"id2label": {"0": "positive", "1": "negative"}}, "label2id and id2label contradict each other"),
        ({"threshold": 7}, "threshold is 7, must be a probability from 0 to 1, or null"),
        ({"threshold": -0.1}, "threshold is -0.1, must be a probability"),
        ({"threshold": float("nan")}, "threshold is nan, must be a probability"),
        ({"threshold": True}, "threshold is True, must be a number or null"),
        ({"threshold": [0.5]}, r"threshold is \[0.5\], must be a number or null"),
        ({"vocab_size": 3}, r"tokenizer.json: has \d+ tokens, the model 3; take both from one run"),
    ],
)
def test_a_config_that_no_run_writes_is_refused(folder, changes, sentence):
    refused(edited(folder, "config.json", **changes), sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[" * 200_000, "config.json: nested too deeply"),
        (b"\xff\xfe", "config.json: not a readable JSON file"),
        (b'"text"', "config.json: no id2label"),
        (b"{", "config.json: not a readable JSON file"),
    ],
)
def test_a_config_that_is_unreadable_is_refused(folder, content, sentence):
    (folder / "config.json").write_bytes(content)
    manifest.write(folder, "1.24")
    refused(folder, sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": {}}, "tokenizer.json: not a readable tokenizer"),
        (
            {
                "pre_tokenizer": {
                    "type": "Split",
                    "pattern": {"Regex": "(unclosed"},
                    "behavior": "Isolated",
                    "invert": False,
                }
            },
            "tokenizer.json: not a readable tokenizer",
        ),
        ({"truncation": None}, "tokenizer.json: does not say to how many tokens it cuts"),
    ],
)
def test_a_tokenizer_that_is_broken_is_refused(folder, changes, sentence):
    refused(edited(folder, "tokenizer.json", **changes), sentence)


def test_a_pattern_that_fails_on_a_text_is_one_line_at_the_command(folder):
    pattern = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    edited(folder, "tokenizer.json", pre_tokenizer=pattern)
    done = subprocess.run(
        [sys.executable, "-m", "strata", "predict", folder, "a" * 60 + "!c"],
        cwd=ROOT,
        env=os.environ | {"RUST_BACKTRACE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"predict: {folder}/tokenizer.json: cannot tokenize (")
    assert len(done.stderr.splitlines()) == 1


def classifier(path: Path, inputs: dict, outputs: dict, bias: float = 0.0) -> None:
    """Write an ONNX model of named inputs and outputs, each a type and a shape; logits are `bias`."""
    values = [
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in some.items()]
        for some in (inputs, outputs)
    ]
    constant = numpy_helper.from_array(onnx.numpy_helper.to_array(helper.make_tensor("v", 1, [1, 2], [bias] * 2)), "c")
    nodes = [helper.make_node("Identity", ["c"], [name]) for name in outputs]
    graph = helper.make_graph(nodes, "g", *values, [constant])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


IDS = (TensorProto.INT64, ["batch", "tokens"])
GOOD = {"input_ids": IDS, "attention_mask": IDS}, {"logits": (TensorProto.FLOAT, [1, 2])}


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"x": IDS}, GOOD[1]),
        (GOOD[0] | {"token_type_ids": IDS}, GOOD[1]),
        (GOOD[0] | {"input_ids": (TensorProto.FLOAT, ["batch", "tokens"])}, GOOD[1]),
        (GOOD[0] | {"input_ids": (TensorProto.INT64, ["tokens"])}, GOOD[1]),
        (GOOD[0], {"scores": GOOD[1]["logits"]}),
        (GOOD[0], GOOD[1] | {"more": GOOD[1]["logits"]}),
    ],
)
def test_an_onnx_model_with_other_inputs_or_outputs_is_refused(folder, inputs, outputs):
    classifier(folder / QUANTIZED, inputs, outputs)
    manifest.write(folder, "1.24")
    refused(folder, r"model_quantized.onnx: takes .* and gives .*; a classifier takes attention_mask \(tensor\(int64")


def test_logits_that_are_not_finite_are_told_with_the_file(folder):
    classifier(folder / QUANTIZED, *GOOD, bias=float("nan"))
    manifest.write(folder, "1.24")
    with pytest.raises(NotFiniteError, match=r"model_quantized.onnx: the model gives NaN or infinite logits"):
        Predictor(folder)(["a text"])


def test_a_model_that_fails_on_a_text_is_told_with_the_file(folder):
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]
    edited(folder, "tokenizer.json", model=vocabulary | {"vocab": vocabulary["vocab"] | {"good": 999_999}})
    with pytest.raises(StrataError, match=r"model_quantized.onnx: fails on a text of 3 tokens"):
        Predictor(folder)(["good"])


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07"])
def test_a_file_that_is_no_onnx_model_is_one_line_at_the_command(folder, content):
    (folder / QUANTIZED).write_bytes(content)
    manifest.write(folder, "1.24")
    done = subprocess.run(
        [sys.executable, "-m", "strata", "predict", folder, "a"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"predict: {folder}/onnx/model_quantized.onnx: ONNX Runtime cannot load it (")
    assert len(done.stderr.splitlines()) == 1


def test_an_older_onnx_runtime_is_told_which_one_the_model_needs(folder, monkeypatch):
    monkeypatch.setattr(onnxruntime, "__version__", "1.23.2")
    manifest.write(folder, "1.24")
    refused(folder, r'needs ONNX Runtime 1.24 or later, 1.23.2 is installed; pip install "onnxruntime>=1.24"')
    monkeypatch.setattr(onnxruntime, "__version__", "1.24.0")
    Predictor(folder)


def test_requirements_and_guide_name_the_onnx_runtime_that_models_need(trained):
    from strata.opset import LEAST_ONNX_RUNTIME, least_onnx_runtime

    for path in (ROOT / "requirements-base.txt", ROOT / "docs/serving.md", trained.root / "model_card.md"):
        assert LEAST_ONNX_RUNTIME in path.read_text(encoding="utf-8"), path
    assert least_onnx_runtime("weight_only") == "1.23"
    proto = onnx.load(trained.root / "models/quantize/onnx/model.onnx")
    assert proto.opset_import[0].version == 18


def test_more_threads_than_cores_are_not_started(folder, monkeypatch):
    monkeypatch.setattr(onnx_classifier, "cores", lambda: 2)
    assert Predictor(folder, threads=1_000_000).classifier.threads == 2
    assert Predictor(folder, threads=1).classifier.threads == 1


def test_a_flipped_byte_is_found_wherever_it_is(folder):
    path, random = folder / QUANTIZED, Random(25)
    content = path.read_bytes()
    for position in random.sample(range(len(content)), 25):
        changed = bytearray(content)
        changed[position] ^= random.randrange(1, 256)
        path.write_bytes(changed)
        refused(folder, rf"{QUANTIZED}: not the file that manifest.json lists")
    path.write_bytes(content)
    manifest.check(folder)


def with_data_at(path: Path, location: str) -> None:
    """Write a classifier whose constant is at a place outside the model's file, and that place too."""
    classifier(path, *GOOD)
    model = onnx.load(path)
    (constant,) = model.graph.initializer
    data = numpy_helper.to_array(constant).tobytes()
    constant.CopyFrom(helper.make_tensor("c", TensorProto.FLOAT, [1, 2], data, raw=True))
    set_external_data(constant, location)
    constant.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    (path.parent / location).write_bytes(data)


def test_an_onnx_model_whose_data_lie_outside_the_folder_is_refused(folder):
    path = folder / QUANTIZED
    with_data_at(path, "weights")
    manifest.write(folder, "1.24")
    assert Predictor(folder)(["a text"])[0]["probability"] == pytest.approx(0.5)
    for location in ("../../weights", f"../../{folder.name}/../weights", str(folder.parent / "weights")):
        with_data_at(path, location)
        assert (folder.parent / "weights").is_file()
        manifest.write(folder, "1.24")
        refused(folder, r"model_quantized.onnx: ONNX Runtime cannot load it \(")
        (folder.parent / "weights").unlink()
