"""The ONNX export, its int8 form, and the gate between them and the user."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from stages.quantize.__main__ import compare, loss
from stages.quantize.export import export, fold
from stages.shared import tables
from stages.shared.command import StageError
from tests.conftest import ROOT


def test_the_folder_is_laid_out_as_transformers_js_loads_it(trained):
    folder = trained.root / "models/quantize"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "onnx/model.onnx",
        "onnx/model_quantized.onnx",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "negative", "1": "positive"}
    assert config["threshold"] is None


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
    export(trained.root / "models/train", tmp_path / "model.onnx", made)
    written = (tmp_path / "model.onnx").read_bytes()
    assert written == (trained.root / "models/quantize/onnx/model.onnx").read_bytes()
    for path in (ROOT, trained.root, torch.__path__[0]):
        assert str(path).encode() not in written


@pytest.mark.parametrize("kind", ["Bert", "DistilBert", "Roberta", "ModernBert"])
def test_what_is_folded_in_makes_any_softmax_calibrated(kind):
    import transformers

    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    shape = {"DistilBert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}}.get(kind, shape)
    config = getattr(transformers, f"{kind}Config")(vocab_size=50, pad_token_id=0, num_labels=3, **shape)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    ids = torch.randint(5, 50, (4, 7))
    with torch.inference_mode():
        before = model(input_ids=ids).logits
        fold(model, 2.5, [0.5, -0.25, -0.25])
        assert torch.allclose(model(input_ids=ids).logits, before / 2.5 + torch.tensor([0.5, -0.25, -0.25]), atol=1e-6)


def test_metrics_are_of_int8_on_the_test_rows_beside_its_size(trained):
    found = json.loads((trained.root / "metrics/quantize.json").read_text())
    fp32 = json.loads((trained.root / "metrics/evaluate.json").read_text())
    folder = trained.root / "models/quantize/onnx"
    sizes = [(folder / name).stat().st_size for name in ("model_quantized.onnx", "model.onnx")]
    assert found["size_ratio"] == pytest.approx(sizes[0] / sizes[1], abs=1e-4)
    assert found["accuracy_loss"] == pytest.approx(fp32["accuracy"] - found["accuracy"])
    assert 0.9 <= found["agreement"] <= 1


@pytest.mark.slow
def test_a_model_that_loses_too_much_is_refused_and_the_earlier_one_stays(copy_of_trained):
    project = copy_of_trained
    before = {path: path.read_bytes() for path in (project.root / "models/quantize").rglob("*") if path.is_file()}
    project.params(quantize={"max_loss": -0.5, "gate_metric": "accuracy"})
    with pytest.raises(
        StageError, match=r"int8 loses -?0\.\d{4} of accuracy on validation rows .* quantize.max_loss -0.5"
    ):
        project.run("quantize")
    after = {path: path.read_bytes() for path in (project.root / "models/quantize").rglob("*") if path.is_file()}
    assert after == before


def test_loss_counts_upwards_for_every_metric():
    assert loss("accuracy", {"accuracy": 0.9}, {"accuracy": 0.8}) == pytest.approx(0.1)
    assert loss("brier", {"brier": 0.1}, {"brier": 0.3}) == pytest.approx(0.2)
    with pytest.raises(StageError, match=r"gate_metric roc_auc is undefined"):
        loss("roc_auc", {"roc_auc": None}, {"roc_auc": 0.5})


def test_models_are_compared_by_id_not_by_position(trained):
    fp32 = tables.read(trained.root / "data/evaluate/predictions.parquet")
    fp32 = fp32[fp32["split"] == "test"]
    shuffled = fp32[["id", "probabilities"]].sample(frac=1, random_state=0)
    before, after, agreement = compare(fp32, shuffled, 1, None, seed=0)
    assert agreement == 1
    assert before == {name: after[name] for name in before}
    high = max(shares[1] for shares in fp32["probabilities"]) + 1e-9
    assert compare(fp32, shuffled, 1, high, seed=0)[1]["recall"] == 0, "the threshold decides"
    with pytest.raises(StageError, match=r"predictions and tokens hold different rows"):
        compare(fp32, shuffled.iloc[1:], 1, None, seed=0)
