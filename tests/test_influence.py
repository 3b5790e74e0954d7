"""The words that contribute to a wrong prediction, and the completeness axiom of their contributions."""

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DistilBertConfig,
    LongformerConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
    set_seed,
)

from stages.evaluate import influence
from strata.base.errors import StrataError
from strata.text.windows import Window

SMALL = {"vocab_size": 50, "num_attention_heads": 2, "intermediate_size": 32, "num_hidden_layers": 2}
MODELS = {
    "bert": lambda labels: BertConfig(hidden_size=16, num_labels=labels, **SMALL),
    "roberta": lambda labels: RobertaConfig(hidden_size=16, num_labels=labels, pad_token_id=1, **SMALL),
    "xlm-roberta": lambda labels: XLMRobertaConfig(hidden_size=16, num_labels=labels, pad_token_id=1, **SMALL),
    "distilbert": lambda labels: DistilBertConfig(
        vocab_size=50, dim=16, n_layers=2, n_heads=2, hidden_dim=32, num_labels=labels
    ),
    "modernbert": lambda labels: ModernBertConfig(
        hidden_size=16, num_labels=labels, pad_token_id=0, cls_token_id=2, sep_token_id=3, **SMALL
    ),
}


@pytest.fixture
def classifier(tokenized, checkpoint):
    set_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    tokenizer = AutoTokenizer.from_pretrained(tokenized.root / "data/tokenize/tokenizer")
    return model.eval(), tokenizer


def test_a_longformer_which_pads_rows_to_its_window_is_explained():
    set_seed(1)
    config = LongformerConfig(hidden_size=16, attention_window=[4, 4], pad_token_id=1, **SMALL)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    ids, mask = torch.tensor([[2, 7, 9, 30, 11, 3], [2, 40, 8, 3, 1, 1]]), torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    contributions = influence.attributions(model, ids, mask, torch.ones_like(ids), torch.eye(2), steps=4)
    assert contributions.shape == ids.shape
    assert contributions[1, 1].abs() > 0


@pytest.mark.parametrize("labels", [2, 20])
@pytest.mark.parametrize("name", MODELS)
def test_attributions_sum_to_the_difference_from_the_baseline(name, labels):
    set_seed(1)
    model = AutoModelForSequenceClassification.from_config(MODELS[name](labels)).eval()
    pad = model.config.pad_token_id
    ids = torch.tensor([[2, 7, 9, 30, 11, 3], [2, 40, 8, 3, pad, pad]])
    mask = torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    baseline = torch.where((ids == 2) | (ids == 3), ids, pad)
    target = torch.zeros(2, labels)
    target[:, 1], target[:, 0] = 1, -1
    contributions = influence.attributions(model, ids, mask, baseline, target, steps=16)
    with torch.no_grad():

        def score(tokens):
            embedded = model.get_input_embeddings()(tokens)
            return (model(inputs_embeds=embedded, attention_mask=mask).logits * target).sum(dim=1)

        change = score(ids) - score(baseline)
    torch.testing.assert_close(contributions.sum(dim=1), change, atol=1e-4, rtol=1e-3)
    assert contributions[1, 4:].tolist() == [0, 0]
    assert contributions[0, [0, 5]].tolist() == [0, 0]  # special tokens are the same as in the baseline
    # a row's contributions do not depend on other rows or on padding
    alone = influence.attributions(model, ids[1:, :4], mask[1:, :4], baseline[1:, :4], target[1:], steps=16)
    torch.testing.assert_close(alone[0], contributions[1, :4], atol=1e-5, rtol=1e-3)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_word_that_decides_a_linear_model_is_found(classifier):
    model, tokenizer = classifier

    class Linear(torch.nn.Module):
        """The logit of label 1 rises by 3 for each `bad` and falls by 2 for each `good`."""

        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(len(tokenizer), 2)
            self.config = model.config
            with torch.no_grad():
                self.embedding.weight.zero_()
                self.embedding.weight[tokenizer.convert_tokens_to_ids("bad"), 1] = 3
                self.embedding.weight[tokenizer.convert_tokens_to_ids("good"), 1] = -2

        def get_input_embeddings(self):
            return self.embedding

        def forward(self, input_ids, attention_mask):
            from types import SimpleNamespace

            return SimpleNamespace(logits=(self.embedding(input_ids) * attention_mask[..., None]).sum(dim=1))

    texts = ["the film is good , a Bad plot", "the music", "bad bad bad actor"]
    words = influence.influential_words(
        Linear(), tokenizer, texts, np.array([1, 1, 0]), np.array([0, 0, 1]), Window(16), steps=2, batch_size=2, most=2
    )
    assert [[word for word, _ in row] for row in words] == [["Bad", "good"], ["the", "music"], ["bad", "bad"]]
    assert [value for _, value in words[0]] == pytest.approx([3, -2])
    assert [value for _, value in words[1]] == pytest.approx([0, 0])
    assert [value for _, value in words[2]] == pytest.approx([-3, -3])


def test_contributions_do_not_depend_on_batches_or_the_order_of_rows(classifier):
    model, tokenizer = classifier
    texts = ["good film", "the plot is bad and the music is dull", "", "a warm story", "cold " * 40]
    predicted, truth = np.array([1, 0, 1, 0, 1]), np.array([0, 1, 0, 1, 0])
    words = influence.influential_words(model, tokenizer, texts, predicted, truth, Window(16), steps=8, batch_size=2)
    words_in_other_batches = influence.influential_words(
        model, tokenizer, texts[::-1], predicted[::-1], truth[::-1], Window(16), steps=8, batch_size=5
    )[::-1]
    assert [[word for word, _ in row] for row in words] == [[word for word, _ in row] for row in words_in_other_batches]
    for row, same_row in zip(words, words_in_other_batches, strict=True):
        assert [value for _, value in row] == pytest.approx([value for _, value in same_row], abs=1e-5)
    assert [len(row) for row in words] == [2, 5, 0, 3, 5]
    assert influence.influential_words(model, tokenizer, [], predicted[:0], truth[:0], Window(16)) == []


@pytest.mark.parametrize(
    ("text", "offsets", "words"),
    [
        ("Don't stop", [(0, 0), (0, 3), (3, 4), (4, 5), (6, 10), (0, 0)], [("Don't", 6.0), ("stop", 4.0)]),
        ("un believable!", [(0, 2), (2, 6), (6, 13), (13, 14)], [("believable", 3.0), ("!", 3.0), ("un", 0.0)]),
        ("\u4eca\u5929\u5f88", [(0, 0), (0, 2), (2, 3)], [("\u5f88", 2.0), ("\u4eca\u5929", 1.0)]),
        (" a", [(0, 0), (0, 2)], [("a", 1.0)]),
        ("\u200d", [(0, 0), (0, 1)], [("\u200d", 1.0)]),
        ("", [(0, 0), (0, 0)], []),
    ],
)
def test_tokens_are_summed_by_word(text, offsets, words):
    assert influence._strongest_words(text, offsets, np.arange(len(offsets), dtype=float), most=5) == words


def test_a_tokenizer_without_a_padding_token_is_refused(classifier):
    model, tokenizer = classifier
    tokenizer.pad_token = None
    with pytest.raises(StrataError, match=r"has no padding token, .* set evaluate.explained_errors to 0"):
        influence.influential_words(model, tokenizer, ["good film"], np.array([1]), np.array([0]), Window(16))
