"""The ONNX export, what it becomes in int8, and the gate between that and the user."""

import json

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from benchmarks.gate.__main__ import layer, token
from stages.quantize import candidates, export
from stages.quantize.gate import Split, compare, refusals
from stages.quantize.sensitivity import noises, worst
from strata.base import files
from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.batches import padded
from strata.settings.params import Candidate, Quantize
from tests.conftest import ROOT

LIMITS = Quantize(
    candidates=["per_channel"],
    gate_metric="accuracy",
    max_loss=0.01,
    max_label_loss=0.05,
    min_agreement=0.95,
    max_drift=0.05,
)
ARCHITECTURES = {
    "Bert": {},
    "DistilBert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "Roberta": {"max_position_embeddings": 66, "pad_token_id": 1},
    "XLMRoberta": {"max_position_embeddings": 66, "pad_token_id": 1},
    "ModernBert": {"local_attention": 8, "global_attn_every_n_layers": 2},
}
LIMIT = 64  # tokens that each of them takes


def tiny(kind):
    """A randomly initialised classifier of three labels, with weights large enough for logits that differ."""
    import transformers

    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    shape = {} if kind == "DistilBert" else shape
    common = {"vocab_size": 50, "num_labels": 3, "pad_token_id": 0, "max_position_embeddings": LIMIT}
    transformers.set_seed(0)
    config = getattr(transformers, f"{kind}Config")(**(common | shape | ARCHITECTURES[kind]))
    model = transformers.AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 and "norm" not in name.lower():
                weight.mul_(4)
    return model


def logits_of(path, ids, mask):
    return onnxruntime.InferenceSession(path).run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]


def test_the_folder_has_what_every_runtime_needs(trained):
    folder = trained.root / "models/quantize"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "config.json",
        "model.safetensors",
        "quantization.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "onnx/model.onnx",
        "onnx/model_quantized.onnx",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "negative", "1": "positive"}
    assert (config["threshold"], config["positive"]) == (None, "positive")


def test_every_tokenizer_of_the_folder_cuts_where_the_scored_one_did_and_pads_nothing(trained):
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    folder = trained.root / "models/quantize"
    text = "good film " * 50
    assert len(Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids) == 16
    assert AutoTokenizer.from_pretrained(folder)(text, truncation=True)["input_ids"] == (
        Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    )
    assert len(Tokenizer.from_file(str(folder / "tokenizer.json")).encode("good").ids) == 3


def test_the_folder_loads_in_transformers_with_calibrated_probabilities(trained):
    from transformers import pipeline

    from strata.runtime.predictor import FP32, Predictor

    folder = trained.root / "models/quantize"
    texts = ["a good film", "very dull and cold", "the plot", "good film " * 50]
    classify = pipeline("text-classification", model=str(folder), device="cpu", truncation=True)
    found = classify(texts, top_k=None)
    wanted = Predictor(folder, FP32).probabilities(texts)
    for rows, shares in zip(found, wanted, strict=True):
        assert {row["label"]: pytest.approx(row["score"], abs=1e-5) for row in rows} == {
            "negative": shares[0],
            "positive": shares[1],
        }


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_gives_torchs_logits_at_any_length_and_batch_size(kind, tmp_path):
    model = tiny(kind)
    export.export(model, tmp_path / "model.onnx")
    assert "Attention" in {node.op_type for node in onnx_nodes(tmp_path / "model.onnx")}
    pad_id, random = model.config.pad_token_id, np.random.default_rng(0)
    for batch in (1, 33):
        for length in (1, 2, 7, LIMIT):
            rows = [random.integers(2, 50, length if i == 0 else random.integers(1, length + 1)) for i in range(batch)]
            ids, mask = padded(rows, pad_id)
            with torch.inference_mode():
                wanted = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
            assert np.abs(logits_of(tmp_path / "model.onnx", ids, mask) - wanted).max() < 1e-4, (batch, length)
    assert model.config._attn_implementation == "eager", "the model is left as it was"


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_has_every_candidate(kind, tmp_path):
    model = tiny(kind)
    fp32 = tmp_path / "model.onnx"
    export.export(model, fp32)
    random = np.random.default_rng(0)
    rows = padded([random.integers(2, 50, n) for n in (9, 5, 1)], model.config.pad_token_id)
    wanted = logits_of(fp32, *rows)
    far = {}
    for name in Candidate.__args__:
        candidates.make(name, fp32, tmp_path / f"{name}.onnx", rows)
        far[name] = np.abs(logits_of(tmp_path / f"{name}.onnx", *rows) - wanted).max()
    assert all(0 < distance < np.abs(wanted).max() for distance in far.values()), far
    assert far["weight_only"] < far["per_channel"]


def onnx_nodes(path):
    import onnx

    return onnx.load(path).graph.node


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 2), (33, 7), (3, 32)])
def test_fp32_onnx_gives_the_calibrated_logits_of_torch_for_any_shape(trained, batch, length):
    from transformers import AutoModelForSequenceClassification

    ids = np.random.default_rng(0).integers(1, 20, (batch, length))
    mask = np.ones_like(ids)
    mask[0, length // 2 + 1 :] = 0
    session = onnxruntime.InferenceSession(trained.root / "models/quantize/onnx/model.onnx")
    found = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
    model = AutoModelForSequenceClassification.from_pretrained(trained.root / "models/train").eval()
    with torch.inference_mode():
        logits = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
    made = json.loads((trained.root / "data/evaluate/calibration.json").read_text())
    assert found == pytest.approx(logits / made["temperature"] + made["shift"], abs=1e-4)


@pytest.mark.slow
def test_the_export_repeats_and_names_no_path_of_this_machine(trained, tmp_path):
    made = json.loads((trained.root / "data/evaluate/calibration.json").read_text())
    model = export.load(trained.root / "models/train")
    export.fold(model, made["temperature"], made["shift"])
    export.export(model, tmp_path / "model.onnx")
    written = (tmp_path / "model.onnx").read_bytes()
    assert written == (trained.root / "models/quantize/onnx/model.onnx").read_bytes()
    for path in (ROOT, trained.root, torch.__path__[0]):
        assert str(path).encode() not in written


def test_an_export_that_is_not_the_model_is_refused(tmp_path):
    model = tiny("Bert")
    export.export(model, tmp_path / "model.onnx")
    calibration = {"temperature": 1.0, "shift": [0.0, 0.0, 0.0]}
    export.check(model, tmp_path / "model.onnx", calibration, LIMIT)
    with torch.no_grad():
        model.classifier.weight[0, 0] += 0.01
    with pytest.raises(ValueError, match=r"model.onnx: logits differ from PyTorch's by .* the export is wrong"):
        export.check(model, tmp_path / "model.onnx", calibration, LIMIT)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_what_is_folded_in_makes_any_softmax_calibrated(kind):
    model = tiny(kind)
    ids = torch.randint(5, 50, (4, 7))
    with torch.inference_mode():
        before = model(input_ids=ids).logits
        export.fold(model, 2.5, [0.5, -0.25, -0.25])
        assert torch.allclose(model(input_ids=ids).logits, before / 2.5 + torch.tensor([0.5, -0.25, -0.25]), atol=1e-5)


def test_the_matrix_that_int8_rounds_worst_is_found_and_kept(tmp_path):
    model = tiny("Bert")
    with torch.no_grad():  # one feature a thousand times as large: the scale of the others' activations is lost
        layer = model.bert.encoder.layer[1]
        layer.attention.output.LayerNorm.weight[3] *= 1000
        layer.intermediate.dense.weight[:, 3] /= 1000
    export.export(model, tmp_path / "model.onnx")
    rows = padded([np.arange(2, 12), np.arange(20, 25)], 0)
    noise = noises(tmp_path / "model.onnx", rows)
    kept = worst(tmp_path / "model.onnx", rows)
    assert len(kept) == round(len(noise) / 8)
    assert noise[kept[0]] > 10 * np.median(list(noise.values()))
    # in the order of the layers, of six products each; the fifth reads what was enlarged
    assert kept[0] == list(noise)[6 + 4]
    candidates.make("keep_fp32", tmp_path / "model.onnx", tmp_path / "kept.onnx", rows)
    assert kept[0] in {node.name for node in onnx_nodes(tmp_path / "kept.onnx")}


def split_of(label, fp32, names=("no", "yes"), threshold=None):
    """Rows of two labels. fp32: the positive one's probability of each."""
    frame = pd.DataFrame({"label": label, "probabilities": list(both(fp32))})
    return Split(frame, [], Labels(list(names), names[1]), threshold)


def both(positive):
    """Probabilities of two labels, (rows, 2), from the positive one's."""
    return np.stack([1 - np.array(positive), np.array(positive)], axis=1)


def test_a_label_that_collapses_is_refused_by_name_though_accuracy_hardly_falls():
    split = split_of([1] * 20 + [0] * 1980, [0.9] * 20 + [0.1] * 1980, ("ham", "spam"))
    found = compare(split, both([0.4] * 20 + [0.1] * 1980), "accuracy")
    assert found["label_loss"] == {"ham": 0.0, "spam": 1.0}
    assert found["loss"] == pytest.approx(0.01)
    assert refusals(found, split, LIMITS) == ["loss of recall of label spam 1.0000, most allowed 0.05"]


def test_every_limit_is_told():
    split = split_of([0, 1] * 50, [0.1, 0.9] * 50)
    found = compare(split, both([0.1, 0.9] * 40 + [0.9, 0.1] * 10), "accuracy")
    assert refusals(found, split, LIMITS) == [
        "loss of accuracy 0.2000, most allowed 0.01",
        "loss of recall of label no 0.2000, most allowed 0.05",
        "loss of recall of label yes 0.2000, most allowed 0.05",
        "agreement 0.8000, least allowed 0.95",
        "drift of probabilities 0.1600, most allowed 0.05",
    ]


def test_one_row_of_few_decides_nothing_but_where_a_gain_is_demanded():
    split = split_of([0, 1] * 5, [0.1, 0.9] * 5)
    quantized = both([0.1, 0.9] * 4 + [0.1, 0.49])
    found = compare(split, quantized, "accuracy")
    assert found["label_loss"]["yes"] == pytest.approx(0.2)
    assert not refusals(found, split, LIMITS)
    assert refusals(found, split, LIMITS.model_copy(update={"max_loss": -0.5}))
    of_brier = LIMITS.model_copy(update={"gate_metric": "brier"})
    assert "loss of brier" in refusals(compare(split, quantized, "brier"), split, of_brier)[0]


def test_the_threshold_decides_and_loss_counts_upwards_for_every_metric():
    split = split_of([0, 1], [0.1, 0.9], threshold=0.8)
    assert compare(split, both([0.1, 0.7]), "accuracy")["agreement"] == 0.5
    assert compare(split, both([0.1, 0.7]), "brier")["loss"] == pytest.approx((0.3**2 - 0.1**2) / 2)
    one_sided = split_of([0, 0], [0.1, 0.2])
    with pytest.raises(StrataError, match=r"gate_metric roc_auc is undefined"):
        compare(one_sided, both([0.1, 0.2]), "roc_auc")
    assert compare(one_sided, both([0.1, 0.2]), "accuracy")["label_loss"] == {"no": 0.0, "yes": None}


def test_metrics_are_of_int8_on_the_test_rows_beside_its_size_and_what_was_tried(trained):
    found = json.loads((trained.root / "metrics/quantize.json").read_text())
    fp32 = json.loads((trained.root / "metrics/evaluate.json").read_text())
    folder = trained.root / "models/quantize/onnx"
    sizes = [(folder / name).stat().st_size for name in ("model_quantized.onnx", "model.onnx")]
    assert found["size_ratio"] == pytest.approx(sizes[0] / sizes[1], abs=1e-4)
    assert found["accuracy_loss"] == pytest.approx(fp32["accuracy"] - found["accuracy"])
    assert 0.9 <= found["agreement"] <= 1
    assert found["candidate"] in found["tried"]
    assert found["tried"][found["candidate"]]["refused"] == ""
    assert found["cpu"] == files.read_json(trained.root / "models/quantize/quantization.json")["cpu"]


def both_layers(weights):
    layer(weights, 0)
    layer(weights, 1)


def sabotage(folder, how):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    how(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.slow
@pytest.mark.parametrize("how", [token, both_layers])
def test_a_sabotaged_model_is_refused_by_the_name_of_the_label_and_fp32_stays(how, copy_of_trained, capsys):
    project = copy_of_trained
    sabotage(project.root / "models/train", how)
    project.params(quantize=LIMITS.model_dump() | {"candidates": ["per_channel", "reduce_range"]})
    said = r"every candidate loses too much .* per_channel \(.*loss of recall of label \w+ .*fp32 model is in"
    with pytest.raises(StrataError, match=said):
        project.run("quantize")
    assert "quantize: per_channel refused on validation rows: " in capsys.readouterr().out
    folder = project.root / "models/quantize/onnx"
    assert [path.name for path in folder.iterdir()] == ["model.onnx"]
    assert not (project.root / "plots/quantize").exists()
    metrics = json.loads((project.root / "metrics/quantize.json").read_text())
    assert metrics["candidate"] is None
    assert "loss of recall of label" in metrics["tried"]["reduce_range"]["refused"]


@pytest.mark.slow
def test_a_good_model_passes_the_same_limits_at_the_first_candidate(copy_of_trained):
    project = copy_of_trained
    project.params(quantize=LIMITS.model_dump() | {"candidates": ["per_channel", "weight_only"]})
    project.run("quantize")
    metrics = json.loads((project.root / "metrics/quantize.json").read_text())
    assert list(metrics["tried"]) == [metrics["candidate"]] == ["per_channel"]


@pytest.mark.slow
def test_the_first_candidate_that_passes_is_taken(copy_of_trained):
    project = copy_of_trained
    sabotage(project.root / "models/train", token)
    project.params(quantize=LIMITS.model_dump() | {"candidates": ["per_channel", "weight_only", "keep_fp32"]})
    project.run("quantize")
    metrics = json.loads((project.root / "metrics/quantize.json").read_text())
    assert metrics["candidate"] == "weight_only"
    assert list(metrics["tried"]) == ["per_channel", "weight_only"]
    assert metrics["tried"]["weight_only"]["refused"] == ""


@pytest.mark.slow
def test_an_architecture_with_attention_of_its_own_is_exported_as_it_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export.attention, "NAME", "no_such_attention")
    source = tmp_path / "source"
    model = tiny("Bert")
    model.save_pretrained(source)
    calibration = {"temperature": 1.0, "shift": [0.0, 0.0, 0.0]}
    export.export_checked(export.load(source), source, tmp_path / "model.onnx", calibration, LIMIT)
    assert "bert has attention of its own" in capsys.readouterr().out
    assert "Attention" not in {node.op_type for node in onnx_nodes(tmp_path / "model.onnx")}


def test_more_weights_than_an_onnx_file_holds_are_refused(tmp_path, monkeypatch):
    tiny("Bert").save_pretrained(tmp_path)
    monkeypatch.setattr(export, "MOST_BYTES", 1000)
    with pytest.raises(StrataError, match=r"GB of weights, and an ONNX file holds"):
        export.load(tmp_path)


@pytest.mark.slow
def test_predictions_of_other_rows_are_refused_and_the_earlier_model_stays(copy_of_trained):
    from strata.base import tables

    project = copy_of_trained
    kept = project.root / "models/quantize"
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    path = project.root / "data/evaluate/predictions.parquet"
    tables.read(path).iloc[:-1].to_parquet(path)
    with pytest.raises(StrataError, match=r"predictions and tokens hold different rows"):
        project.run("quantize")
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before
