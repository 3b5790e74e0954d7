"""The ONNX export, its quantized candidates, and the gate that refuses those that lose too much."""

import json

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from scipy.special import softmax

from benchmarks.gate.__main__ import layer, token
from stages.quantize import candidates, export
from stages.quantize.abstention import answered_scores, chosen_threshold
from stages.quantize.gate import GateRows, losses, refusals
from stages.quantize.sensitivity import noise_of_nodes, worst_nodes
from strata.base import files, tables
from strata.base.errors import StrataError
from strata.calibration import Calibration, read_calibration, uncalibrated
from strata.goal import parse as parse_goal
from strata.labels import Labels
from strata.model.batches import padded
from strata.runtime.predictor import Predictor
from strata.score_table import parse
from strata.settings.params import Candidate, Quantize
from tests.conftest import ROOT

LIMITS = Quantize(
    candidates=["per_channel"],
    cascade=False,
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
    """Return a randomly initialised classifier of three labels, with weights large enough for different logits."""
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
        "manifest.json",
        "model.safetensors",
        "preparation.json",
        "quantization.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "onnx/model.onnx",
        "onnx/model_quantized.onnx",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "negative", "1": "positive"}
    assert (config["threshold"], config["positive"]) == (None, "positive")


def test_every_tokenizer_of_the_folder_truncates_as_evaluate_does_and_does_not_pad(trained):
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
    scores = classify(texts, top_k=None)
    expected = Predictor(folder, FP32).probabilities(texts)
    for rows, probabilities in zip(scores, expected, strict=True):
        assert {row["label"]: pytest.approx(row["score"], abs=1e-5) for row in rows} == {
            "negative": probabilities[0],
            "positive": probabilities[1],
        }


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_returns_pytorchs_logits_at_any_length_and_batch_size(kind, tmp_path):
    model = tiny(kind)
    export.export(model, tmp_path / "model.onnx")
    assert "MultiHeadAttention" in {node.op_type for node in onnx_nodes(tmp_path / "model.onnx")}
    pad_id, random = model.config.pad_token_id, np.random.default_rng(0)
    for batch in (1, 33):
        for length in (1, 2, 7, LIMIT):
            rows = [random.integers(2, 50, length if i == 0 else random.integers(1, length + 1)) for i in range(batch)]
            ids, mask = padded(rows, pad_id)
            with torch.inference_mode():
                expected = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
            assert np.abs(logits_of(tmp_path / "model.onnx", ids, mask) - expected).max() < 1e-4, (batch, length)
    assert model.config._attn_implementation == "eager", "the model was changed"


def test_onnx_runtime_fuses_gelu_and_needs_no_transpose(tmp_path):
    export.export(tiny("Bert"), tmp_path / "model.onnx")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(tmp_path / "model.onnx", options)
    operators = {node.op_type for node in onnx_nodes(tmp_path / "optimized.onnx")}
    assert operators & {"Gelu", "BiasGelu"}
    assert not operators & {"Erf", "Transpose"}


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_has_every_candidate(kind, tmp_path):
    model = tiny(kind)
    fp32 = tmp_path / "model.onnx"
    export.export(model, fp32)
    random = np.random.default_rng(0)
    rows = padded([random.integers(2, 50, n) for n in (9, 5, 1)], model.config.pad_token_id)
    expected = logits_of(fp32, *rows)
    difference = {}
    for name in Candidate.__args__:
        candidates.quantize(name, fp32, tmp_path / f"{name}.onnx", rows)
        difference[name] = np.abs(logits_of(tmp_path / f"{name}.onnx", *rows) - expected).max()
    assert all(0 < largest < np.abs(expected).max() for largest in difference.values()), difference
    assert difference["weight_only"] < difference["per_channel"]
    with pytest.raises(KeyError):
        candidates.quantize("int4", fp32, tmp_path / "int4.onnx", rows)


def onnx_nodes(path):
    import onnx

    return onnx.load(path).graph.node


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 2), (33, 7), (3, 32)])
def test_fp32_onnx_returns_the_calibrated_logits_of_pytorch_for_any_shape(trained, batch, length):
    from transformers import AutoModelForSequenceClassification

    ids = np.random.default_rng(0).integers(1, 20, (batch, length))
    mask = np.ones_like(ids)
    mask[0, length // 2 + 1 :] = 0
    session = onnxruntime.InferenceSession(trained.root / "models/quantize/onnx/model.onnx")
    exported = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
    model = AutoModelForSequenceClassification.from_pretrained(trained.root / "models/train").eval()
    with torch.inference_mode():
        logits = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
    calibration, _ = read_calibration(trained.root / "data/evaluate/calibration.json")
    assert exported == pytest.approx(calibration.logits(logits), abs=1e-4)


@pytest.mark.slow
def test_the_export_repeats_and_contains_no_paths(trained, tmp_path):
    calibration, _ = read_calibration(trained.root / "data/evaluate/calibration.json")
    model = export.load(trained.root / "models/train")
    export.fold(model, calibration)
    export.export(model, tmp_path / "model.onnx")
    written = (tmp_path / "model.onnx").read_bytes()
    assert written == (trained.root / "models/quantize/onnx/model.onnx").read_bytes()
    for path in (ROOT, trained.root, torch.__path__[0]):
        assert str(path).encode() not in written


def test_an_export_with_other_logits_is_refused(tmp_path):
    model = tiny("Bert")
    export.export(model, tmp_path / "model.onnx")
    export.check_export(model, tmp_path / "model.onnx", uncalibrated(3), LIMIT)
    with torch.no_grad():
        model.classifier.weight[0, 0] += 0.01
    with pytest.raises(ValueError, match=r"model.onnx: logits differ from PyTorch's by .* the export is wrong"):
        export.check_export(model, tmp_path / "model.onnx", uncalibrated(3), LIMIT)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_folding_gives_the_logits_that_the_formula_of_calibration_gives(kind):
    model, calibration = tiny(kind), Calibration(2.5, np.array([0.5, -0.25, -0.25]))
    ids = torch.randint(5, 50, (4, 7))
    with torch.inference_mode():
        before = model(input_ids=ids).logits.numpy()
        export.fold(model, calibration)
        folded = model(input_ids=ids).logits.numpy()
    assert folded == pytest.approx(calibration.logits(before), abs=1e-5)
    assert softmax(folded, axis=1) == pytest.approx(calibration.probabilities(before), abs=1e-5)


def test_the_matrix_with_the_largest_noise_is_kept_in_fp32(tmp_path):
    model = tiny("Bert")
    with torch.no_grad():  # one feature is a thousand times as large, so that int8 rounds the others to 0
        layer = model.bert.encoder.layer[1]
        layer.attention.output.LayerNorm.weight[3] *= 1000
        layer.intermediate.dense.weight[:, 3] /= 1000
    export.export(model, tmp_path / "model.onnx")
    rows = padded([np.arange(2, 12), np.arange(20, 25)], 0)
    noise = noise_of_nodes(tmp_path / "model.onnx", rows)
    kept = worst_nodes(tmp_path / "model.onnx", rows)
    assert len(kept) == round(len(noise) / 8)
    assert noise[kept[0]] > 10 * np.median(list(noise.values()))
    # six products a layer; the fifth of the second layer reads the enlarged feature
    assert kept[0] == list(noise)[6 + 4]
    candidates.quantize("mostly_int8", tmp_path / "model.onnx", tmp_path / "kept.onnx", rows)
    assert kept[0] in {node.name for node in onnx_nodes(tmp_path / "kept.onnx")}


def gate_rows(label, fp32, names=("no", "yes"), threshold=None):
    """Return rows of two labels. fp32: each row's probability of the positive label."""
    frame = pd.DataFrame({"label": label, "probabilities": list(both(fp32))})
    return GateRows(frame, [], Labels(list(names), names[1]), threshold)


def both(positive):
    """Return the probabilities of two labels, (rows, 2), from those of the positive one."""
    return np.stack([1 - np.array(positive), np.array(positive)], axis=1)


def test_a_lost_label_is_refused_by_name_though_accuracy_hardly_falls():
    rows = gate_rows([1] * 20 + [0] * 1980, [0.9] * 20 + [0.1] * 1980, ("ham", "spam"))
    measured = losses(rows, both([0.4] * 20 + [0.1] * 1980), "accuracy")
    assert measured["label_loss"] == {"ham": 0.0, "spam": 1.0}
    assert measured["loss"] == pytest.approx(0.01)
    assert refusals(measured, rows, LIMITS) == ["loss of recall of label spam 1.0000, most allowed 0.05"]


def test_every_exceeded_limit_is_reported():
    rows = gate_rows([0, 1] * 50, [0.1, 0.9] * 50)
    measured = losses(rows, both([0.1, 0.9] * 40 + [0.9, 0.1] * 10), "accuracy")
    assert refusals(measured, rows, LIMITS) == [
        "loss of accuracy 0.2000, most allowed 0.01",
        "loss of recall of label no 0.2000, most allowed 0.12",
        "loss of recall of label yes 0.2000, most allowed 0.12",
        "agreement 0.8000, least allowed 0.95",
        "drift of probabilities 0.1600, most allowed 0.05",
    ]


def test_of_many_labels_chance_may_take_some_rows_but_not_a_label():
    names = [str(i) for i in range(77)]
    label = np.repeat(np.arange(77), 17)
    frame = pd.DataFrame({"label": label, "probabilities": list(np.eye(77)[label])})
    rows = GateRows(frame, [], Labels(names, None), None)
    limits = LIMITS.model_copy(update={"max_loss": 0.05})
    good = label.copy()
    good[::40] += 1  # one row in 40, whatever its label
    good[:4] = 1  # four of the 17 rows of one label
    measured = losses(rows, np.eye(77)[good % 77], "accuracy")
    assert measured["label_loss"]["0"] == pytest.approx(4 / 17)
    assert not refusals(measured, rows, limits)
    good[:5] = 1
    measured = losses(rows, np.eye(77)[good % 77], "accuracy")
    assert refusals(measured, rows, limits) == ["loss of recall of label 0 0.2941, most allowed 0.2353"]


def test_the_rows_of_a_label_do_not_count_as_chance_for_it():
    rows = gate_rows([0] * 200 + [1] * 100, [0.1] * 200 + [0.9] * 89 + [0.4] * 11)
    # of the second label eleven rows are lost and four gained, and no other row changes
    quantized = [0.1] * 200 + [0.4] * 11 + [0.9] * 78 + [0.9] * 4 + [0.4] * 7
    measured = losses(rows, both(quantized), "accuracy")
    assert measured["changed"] == {"no": 0, "yes": 15}
    assert "loss of recall of label yes 0.0700, most allowed 0.05" in refusals(measured, rows, LIMITS)


def test_one_row_is_always_allowed_unless_a_gain_is_demanded():
    rows = gate_rows([0, 1] * 5, [0.1, 0.9] * 5)
    quantized = both([0.1, 0.9] * 4 + [0.1, 0.49])
    measured = losses(rows, quantized, "accuracy")
    assert measured["label_loss"]["yes"] == pytest.approx(0.2)
    assert not refusals(measured, rows, LIMITS)
    assert refusals(measured, rows, LIMITS.model_copy(update={"max_loss": -0.5}))
    of_brier = LIMITS.model_copy(update={"gate_metric": "brier"})
    assert "loss of brier" in refusals(losses(rows, quantized, "brier"), rows, of_brier)[0]


def test_losses_use_the_threshold_and_are_positive_if_any_metric_gets_worse():
    rows = gate_rows([0, 1], [0.1, 0.9], threshold=0.8)
    assert losses(rows, both([0.1, 0.7]), "accuracy")["agreement"] == 0.5
    assert losses(rows, both([0.1, 0.7]), "brier")["loss"] == pytest.approx((0.3**2 - 0.1**2) / 2)
    one_sided = gate_rows([0, 0], [0.1, 0.2])
    with pytest.raises(StrataError, match=r"gate_metric roc_auc is undefined"):
        losses(one_sided, both([0.1, 0.2]), "roc_auc")
    assert losses(one_sided, both([0.1, 0.2]), "accuracy")["label_loss"] == {"no": 0.0, "yes": None}


def candidates_of(project) -> pd.DataFrame:
    """What was tried, by candidate."""
    table = pd.read_csv(project.root / "plots/quantize/candidates.csv", dtype={"refused": str})
    return table.fillna({"refused": ""}).set_index("candidate", drop=False)


def test_metrics_are_those_of_int8_on_test_rows_with_its_size_and_all_candidates_tried(trained):
    metrics, tried = json.loads((trained.root / "metrics/quantize.json").read_text()), candidates_of(trained)
    int8 = parse((trained.root / "plots/quantize/scores.csv").read_text())["int8", "test"]
    folder = trained.root / "models/quantize/onnx"
    sizes = [(folder / name).stat().st_size for name in ("model_quantized.onnx", "model.onnx")]
    assert metrics["size_ratio"] == pytest.approx(sizes[0] / sizes[1], abs=1e-4)
    assert 0 <= int8["accuracy"] <= 1
    assert 0.9 <= metrics["agreement"] <= 1
    chosen = tried.loc[metrics["candidate"]].set_index("split")
    assert chosen["refused"].tolist() == ["", ""]
    assert chosen.loc["test", "agreement"] == metrics["agreement"]
    assert chosen.loc["validation", "size_mb"] == metrics["size_mb"]
    assert metrics["cpu"] == files.read_json(trained.root / "models/quantize/quantization.json")["cpu"]


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
def test_a_sabotaged_model_is_refused_with_the_name_of_the_label_and_fp32_is_kept(how, copy_of_trained, capsys):
    project = copy_of_trained
    sabotage(project.root / "models/train", how)
    project.params(quantize=LIMITS.model_dump() | {"candidates": ["per_channel", "reduce_range"]})
    message = r"every candidate loses too much .* per_channel \(.*loss of recall of label \w+ .*fp32 model is in"
    with pytest.raises(StrataError, match=message):
        project.run("quantize")
    assert "quantize: per_channel refused on validation rows: " in capsys.readouterr().out
    folder = project.root / "models/quantize/onnx"
    assert [path.name for path in folder.iterdir()] == ["model.onnx"]
    assert [path.name for path in (project.root / "plots/quantize").iterdir()] == ["candidates.csv"]
    metrics = json.loads((project.root / "metrics/quantize.json").read_text())
    assert metrics["candidate"] is None
    assert "loss of recall of label" in candidates_of(project).loc["reduce_range", "refused"]


@pytest.mark.slow
def test_a_good_model_passes_the_same_limits_at_the_first_candidate(copy_of_trained):
    project = copy_of_trained
    project.params(quantize=LIMITS.model_dump() | {"candidates": ["per_channel", "weight_only"]})
    project.run("quantize")
    metrics = json.loads((project.root / "metrics/quantize.json").read_text())
    assert set(candidates_of(project)["candidate"]) == {metrics["candidate"]} == {"per_channel"}


@pytest.mark.slow
def test_the_first_candidate_within_all_limits_is_chosen(copy_of_trained):
    project = copy_of_trained
    sabotage(project.root / "models/train", token)
    project.params(quantize=LIMITS.model_dump() | {"candidates": ["per_channel", "weight_only", "mostly_int8"]})
    project.run("quantize")
    metrics = json.loads((project.root / "metrics/quantize.json").read_text())
    assert metrics["candidate"] == "weight_only"
    tried = candidates_of(project).query("split == 'validation'")
    assert tried["candidate"].tolist() == ["per_channel", "weight_only"]
    assert tried.loc["weight_only", "refused"] == ""


@pytest.mark.slow
def test_an_architecture_without_the_attention_operator_is_exported_and_this_is_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export.attention, "NAME", "no_such_attention")
    source = tmp_path / "source"
    model = tiny("Bert")
    model.save_pretrained(source)
    export.export_checked(export.load(source), source, tmp_path / "model.onnx", uncalibrated(3), LIMIT)
    assert "bert is exported without an operator for attention (" in capsys.readouterr().out
    assert "MultiHeadAttention" not in {node.op_type for node in onnx_nodes(tmp_path / "model.onnx")}


def test_more_weights_than_an_onnx_file_holds_are_refused(tmp_path, monkeypatch):
    tiny("Bert").save_pretrained(tmp_path)
    monkeypatch.setattr(export, "MOST_BYTES", 1000)
    with pytest.raises(StrataError, match=r"GB of weights, and an ONNX file holds"):
        export.load(tmp_path)


@pytest.mark.slow
def test_predictions_of_other_rows_are_refused_and_the_earlier_model_is_kept(copy_of_trained):
    from strata.base import tables

    project = copy_of_trained
    kept = project.root / "models/quantize"
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    path = project.root / "data/evaluate/predictions.parquet"
    tables.read(path).iloc[:-1].to_parquet(path)
    with pytest.raises(StrataError, match=r"predictions and tokens have different rows"):
        project.run("quantize")
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before


def test_a_model_without_a_padding_token_is_exported(tmp_path):
    model = tiny("Bert")
    export.export(model, tmp_path / "model.onnx")
    model.config.pad_token_id = None
    export.check_export(model, tmp_path / "model.onnx", uncalibrated(3), LIMIT)


def test_a_bounded_error_is_chosen_on_validation_rows_of_int8_and_told_on_test_rows(copy_of_trained, capsys):
    project = copy_of_trained
    project.params(evaluate={"goal": "error <= 0.4 at 90%"})
    project.run("evaluate", "quantize")
    folder = project.root / "models/quantize"
    config, metrics = files.read_json(folder / "config.json"), files.read_json(project.root / "metrics/quantize.json")
    assert (config["threshold"], config["goal"]) == (None, "error <= 0.4 at 90%")
    assert 0 <= config["abstain_below"] < 1
    assert metrics["abstain_below"] == pytest.approx(config["abstain_below"], rel=1e-5)
    scored = parse((project.root / "plots/quantize/scores.csv").read_text())
    assert metrics["answered"] == scored["int8", "test"]["answered"]
    assert scored["int8", "test"]["interval"]["answered"]["low"] <= metrics["answered"]
    assert set(scored["int8", "validation"]) == {"answered", "answered_error", "interval"}
    texts = tables.read(project.root / "data/split/test.parquet")["text"].tolist()
    answers = Predictor(folder)(texts)
    assert np.mean([answer["label"] is not None for answer in answers]) == pytest.approx(metrics["answered"])
    assert "quantize: for error <= 0.4 at 90%, a label is given from a probability of 0." in capsys.readouterr().out
    project.run("report")
    for name in ("report.md", "model_card.md"):
        words = " ".join((project.root / name).read_text().split())
        assert "with 90% confidence, at most 40% of the labels that it gives are wrong" in words, name


def test_a_bounded_error_that_no_threshold_proves_is_refused_and_the_earlier_model_is_kept(copy_of_trained):
    project = copy_of_trained
    before = (project.root / "models/quantize/manifest.json").read_bytes()
    project.params(evaluate={"goal": "error <= 0.001"})
    project.run("evaluate")
    message = r"error <= 0.001 at 95%, which no threshold proves on 12 validation rows, .* the least that can be: raise"
    with pytest.raises(StrataError, match=message):
        project.run("quantize")
    assert (project.root / "models/quantize/manifest.json").read_bytes() == before


def test_of_rows_in_units_one_is_looked_at_and_the_intervals_count_units():
    """A model that is right in all of 200 rows, which are 20 units."""
    random, truth = np.random.default_rng(0), np.arange(200) % 3
    probabilities = np.full((200, 3), 0.01)
    probabilities[np.arange(200), truth] = 0.98
    frame = pd.DataFrame({"id": range(200), "label": truth, "unit": np.repeat(np.arange(20), 10)})
    frame["probabilities"] = list(random.dirichlet([1, 1, 1], 200))
    grouped = GateRows(frame, [], Labels(["a", "b", "c"], None), None)
    single = GateRows(frame.assign(unit=range(200)), [], Labels(["a", "b", "c"], None), None)
    assert chosen_threshold(parse_goal("error <= 0.05"), single, probabilities, 0) <= 0.98
    message = r"200 validation rows, 20 of them independent, 0.0% of them predicted wrong; an error of 0.170 is"
    with pytest.raises(StrataError, match=message):
        chosen_threshold(parse_goal("error <= 0.05"), grouped, probabilities, 0)
    error = [answered_scores(rows, probabilities, 0.5)["interval"]["answered_error"] for rows in (grouped, single)]
    assert error[0]["high"] > 0.15 > error[1]["high"]
    nothing = answered_scores(single, probabilities, 0.99)
    assert (nothing["answered"], nothing["answered_error"], nothing["interval"]["answered_error"]) == (0, None, None)
