"""What helps training on few rows: a learning rate by layer, a least number of steps, averaged weights."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from stages.train.averaging import WeightAverage
from stages.train.layers import learning_rate_shares
from stages.train.optimizer import Optimizer
from stages.train.plan import plan
from strata.settings.params import Train
from strata.settings.yaml_loader import parse_yaml
from tests.conftest import committed
from tests.test_snapshot import end_at, train
from tests.test_train import copy, curve, tensors, weights, without_dropout  # noqa: F401, the fixture of that name


def settings(**changes) -> Train:
    return Train.model_validate(parse_yaml(committed("params.yaml"))["train"] | {"min_steps": None} | changes)


def classifier(kind: str) -> torch.nn.Module:
    """Make a classifier of 2 layers with random weights."""
    import transformers

    names = {"DistilBert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}}
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = getattr(transformers, f"{kind}Config")(vocab_size=50, pad_token_id=0, **names.get(kind, shape))
    return transformers.AutoModelForSequenceClassification.from_config(config)


@pytest.mark.parametrize("has_bf16_copies", [False, True])
@pytest.mark.parametrize("kind", ["Bert", "DistilBert", "XLMRoberta", "ModernBert", "DebertaV2"])
def test_each_layer_moves_by_the_layer_decay_less_than_the_one_above(kind, has_bf16_copies):
    """The first step of AdamW moves every weight by the learning rate, whatever its gradient."""
    model = classifier(kind)
    optimizer = Optimizer(model, settings(layer_decay=0.5, weight_decay=0.0), has_bf16_copies)
    before = {name: weight.detach().clone() for name, weight in optimizer.weights.items()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.gather_gradients(fill=False)
    optimizer.step(0.1, torch.amp.GradScaler("cpu", enabled=False))
    moves = {name: (weight - before[name]).abs().max().item() for name, weight in optimizer.weights.items()}
    for name, move in moves.items():
        layer = next((part for part in name.split(".") if part in ("0", "1")), None)
        share = 0.125 if "embed" in name else {"0": 0.25, "1": 0.5, None: 1}[layer]
        assert move == pytest.approx(0.1 * share, rel=1e-3), name


def test_the_matrices_of_lora_have_the_rate_of_their_layer():
    from stages.train.trainable import with_lora

    shares = learning_rate_shares(with_lora(classifier("Bert"), 4, 8, seed=0), 0.5)
    expected = {"layer.0": 0.25, "layer.1": 0.5, "pooler": 1.0, "classifier.modules_to_save": 1.0}
    for name, share in expected.items():
        assert {value for key, value in shares.items() if name in key and "embeddings" not in key} == {share}, name
    assert {value for key, value in shares.items() if ".embeddings." in key} == {0.125}


def test_a_layer_decay_of_1_needs_no_list_of_layers_and_others_do():
    from transformers import BartConfig, BartForSequenceClassification

    from strata.base.errors import StrataError

    shape = {"d_model": 8, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, "encoder_layers": 2, "decoder_layers": 2}
    config = BartConfig(vocab_size=9, encoder_attention_heads=1, decoder_attention_heads=1, **shape)
    model = BartForSequenceClassification(config)
    assert set(learning_rate_shares(model, 1.0).values()) == {1.0}
    with pytest.raises(StrataError, match=r"train.layer_decay: cannot tell which modules of a bart .* set it to 1, or"):
        learning_rate_shares(model, 0.9)


def test_a_layer_decay_changes_the_trained_weights(trained, copy):  # noqa: F811
    copy.params(train={"layer_decay": 0.5})
    copy.run("train")
    assert weights(copy) != weights(trained)


def test_few_rows_get_whole_passes_until_there_are_enough_steps():
    lengths = np.full(50, 8)
    asked = settings(epochs=2, batch_size=16, evaluations_per_epoch=2, min_steps=30)
    planned = plan(lengths, 1, asked, "cpu")
    assert planned.steps == 32, "8 passes of 4 steps"
    counts = np.bincount(np.concatenate([part for step in planned.batches for part in step]))
    assert set(counts) == {8}, "every row is seen equally often"
    assert planned.evaluations == {8, 16, 24, 32}, "as many as two passes alone have"
    assert planned.learning_rates[-1] < 0.1 * max(planned.learning_rates), "the schedule ends with the last step"


def test_a_least_number_of_steps_that_the_epochs_reach_changes_nothing():
    lengths = np.random.default_rng(0).integers(3, 40, 50)
    for least in (None, 1, 8):
        planned = plan(lengths, 1, settings(epochs=2, batch_size=16, min_steps=least), "cpu")
        assert planned.steps == 8
    tokens = plan(lengths, 1, settings(epochs=1, batch_tokens=100, min_steps=40), "cpu")
    assert tokens.steps >= 40


def test_a_run_with_a_least_number_of_steps_takes_them_and_scores_at_larger_distances(copy):  # noqa: F811
    copy.params(train={"epochs": 1, "min_steps": 20, "patience": None})
    copy.run("train")
    assert curve(copy)["step"].tolist() == [12, 24]


def averaged(weights, decay: float) -> np.ndarray:
    """Return the average of weights over steps, as defined. weights: (steps + 1, n), the first before training."""
    average = weights[0]
    for step, weight in enumerate(weights[1:], 1):
        d = min(decay, (1 + step) / (10 + step))
        average = d * average + (1 - d) * weight
    return average


def test_the_averaged_weights_are_scored_and_kept_and_training_goes_on_from_the_others(copy, monkeypatch):  # noqa: F811
    from stages.train import training, validation

    seen, scored, step = [], [], training.Training.step
    probabilities = validation.validation_probabilities

    def classifier_of(run) -> np.ndarray:
        return run.optimizer.weights["classifier.weight"].detach().flatten().numpy().copy()

    def watched(self, *args):
        if not seen:
            seen.append(classifier_of(self))
        step(self, *args)
        seen.append(classifier_of(self))

    def scoring(run):
        scored.append((len(seen) - 1, classifier_of(run)))
        return probabilities(run)

    monkeypatch.setattr(training.Training, "step", watched)
    monkeypatch.setattr(validation, "validation_probabilities", scoring)
    copy.params(train={"epochs": 2, "ema_decay": 0.7, "best_metric": "loss"})
    copy.run("train")
    assert [at for at, _ in scored] == curve(copy)["step"].tolist()
    for at, weight in scored:
        assert weight == pytest.approx(averaged(seen[: at + 1], 0.7), abs=1e-6)
        assert np.abs(weight - seen[at]).max() > 1e-4, "the weights of the step itself are others"
    kept = curve(copy).set_index("step")["kept"].idxmax()
    assert tensors(copy)["classifier.weight"].flatten().numpy().tolist() == dict(scored)[kept].tolist()


def test_a_short_run_is_not_averaged_with_the_weights_before_it():
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(2.0)
    optimizer = SimpleNamespace(trained=[model.weight], refresh_copies=lambda: None)
    average = WeightAverage(optimizer, 0.999)
    model.weight.data.fill_(1.0)
    for step in range(1, 6):
        average.update(step)
    with average.in_place():
        assert model.weight.item() == pytest.approx(1, abs=0.003)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_killed_run_with_averaged_weights_ends_in_the_same_bytes(copy, precision):  # noqa: F811
    any_cpu = f"from strata.model import precision; precision.choose = lambda setting: {precision!r}"
    copy.params(train={"ema_decay": 0.9, "layer_decay": 0.8, "epochs": 1, "min_steps": 14}, snapshots={"steps": 4})
    train(copy, any_cpu)
    expected = weights(copy)
    train(copy, f"{any_cpu}\n{end_at('training.Training.step', 11)}", fails=True)
    assert "goes on after step 8 of 18" in train(copy, any_cpu)
    assert weights(copy) == expected


@pytest.mark.slow
def test_two_processes_average_the_same_weights(copy):  # noqa: F811
    without_dropout(copy)
    copy.params(train={"ema_decay": 0.9, "epochs": 2})
    copy.run("train")
    alone = tensors(copy)
    copy.params(train={"processes": 2})
    train(copy)
    together = tensors(copy)
    assert max((alone[name] - together[name]).abs().max().item() for name in together) < 1e-3
