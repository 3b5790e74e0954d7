"""What helps training on few rows: a learning rate by layer, a least number of steps, averaged weights."""

import numpy as np
import pytest
import torch

from stages.train.layers import learning_rate_shares
from stages.train.optimizer import Optimizer
from stages.train.plan import plan
from strata.settings.params import Train
from strata.settings.yaml_loader import parse_yaml
from tests.conftest import committed
from tests.test_train import copy, curve, weights  # noqa: F401, the fixture of that name


def settings(**changes) -> Train:
    return Train.model_validate(parse_yaml(committed("params.yaml"))["train"] | changes)


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
