"""The words that pushed a wrong prediction: integrated gradients over the embeddings of a text's tokens.

Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017. Written with torch alone: captum would be
one more thing to install, and its layer variant hooks into a model where `inputs_embeds`, which BERT, DistilBERT,
RoBERTa, XLM-R and ModernBERT all take, needs no hook.
"""

import re

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

# ideographs and kana stand alone, since nothing parts them into words
_ALONE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+(?:['\u2019][^\W{_ALONE}]+)*|[^\w\s]")


def attributions(
    model: PreTrainedModel,
    ids: torch.Tensor,
    mask: torch.Tensor,
    baseline: torch.Tensor,
    target: torch.Tensor,
    steps: int,
) -> torch.Tensor:
    """Share out, over the tokens, how far the texts raise a weighted sum of the logits: (rows, longest), 0 at padding.

    A row's attributions sum to the target at its tokens minus the target at the baseline's, but for the error of the
    integral, which is Gauss and Legendre's with `steps` points (the paper's completeness axiom).

    model: in evaluation mode. ids, mask, baseline: (rows, longest) int, token ids. target: (rows, labels), the weight
    of each logit.
    """
    embed = model.get_input_embeddings()
    points, weights = np.polynomial.legendre.leggauss(steps)  # of -1 to 1
    with torch.no_grad():
        start = embed(baseline)
        way = embed(ids) - start
    total = torch.zeros_like(way)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        at = (start + float(point) * way).requires_grad_()
        logits = model(inputs_embeds=at, attention_mask=mask).logits
        (gradient,) = torch.autograd.grad((logits * target).sum(), at)
        total += float(weight) * gradient
    return (total * way).sum(dim=-1) * mask


def influential_words(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    predicted: np.ndarray,
    truth: np.ndarray,
    max_length: int,
    steps: int = 16,
    batch_size: int = 16,
    most: int = 5,
) -> list[list[tuple[str, float]]]:
    """Find the words of each text that moved the prediction most: (word, attribution), the strongest first.

    An attribution is in logits, of the predicted label minus the true one: above 0, the word spoke for the mistake;
    below, against it. The text is compared with one of padding tokens in its place, its special tokens left as they
    are. A word that occurs twice is listed twice.

    predicted, truth: (rows,) int, label ids, different ones in each row. max_length: tokens that the model sees. Costs
    `steps` passes forward and back over each batch; batches hold rows of like length. On 12 errors of Rotten Tomatoes,
    of 3.7 logits on average 8 steps missed 1.4, 16 missed 0.26 and 32 missed 0.02; the three strongest tokens were the
    same from 16 on.
    """
    encoded = [
        tokenizer(
            text,
            truncation=True,
            max_length=max_length,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        for text in texts
    ]
    lengths = [len(row["input_ids"]) for row in encoded]
    order = np.argsort(lengths, kind="stable")
    device = model.get_input_embeddings().weight.device
    labels = model.config.num_labels
    pad = tokenizer.pad_token_id or 0
    listed: list[list[tuple[str, float]]] = [[] for _ in texts]
    model.eval()
    for first in range(0, len(order), batch_size):
        rows = order[first : first + batch_size]
        longest = max(lengths[i] for i in rows)
        ids = torch.full((len(rows), longest), pad)
        mask, baseline = torch.zeros_like(ids), ids.clone()
        target = torch.zeros(len(rows), labels)
        for place, i in enumerate(rows):
            own = torch.tensor(encoded[i]["input_ids"])
            special = torch.tensor(encoded[i]["special_tokens_mask"], dtype=torch.bool)
            ids[place, : len(own)] = own
            mask[place, : len(own)] = 1
            baseline[place, : len(own)] = torch.where(special, own, pad)
            target[place, predicted[i]] += 1
            target[place, truth[i]] -= 1
        on_device = [tensor.to(device) for tensor in (ids, mask, baseline, target)]
        found = attributions(model, *on_device, steps).cpu().numpy()
        for place, i in enumerate(rows):
            listed[i] = _words(texts[i], encoded[i]["offset_mapping"], found[place], most)
    return listed


def _words(text: str, offsets: list[tuple[int, int]], values: np.ndarray, most: int) -> list[tuple[str, float]]:
    """Add up the attributions of each word's tokens. offsets: first character of each token, and the one behind it."""
    spans = [match.span() for match in _WORD.finditer(text)]
    starts = np.array([start for start, _ in spans], dtype=int)
    sums: dict[int, float] = {}
    ends: dict[int, int] = {}
    for (before, end), value in zip(offsets, values, strict=False):
        token = text[before:end]
        start = end - len(token.lstrip())  # some tokens begin with the space before them
        if start == end:  # special tokens stand nowhere in the text
            continue
        word = int(np.searchsorted(starts, start, side="right")) - 1
        begin, close = spans[word] if word >= 0 else (start, end)
        sums[begin] = sums.get(begin, 0.0) + float(value)
        ends[begin] = max(ends.get(begin, 0), close, end)
    ranked = sorted(sums, key=lambda begin: (-abs(sums[begin]), begin))[:most]
    return [(text[begin : ends[begin]], sums[begin]) for begin in ranked]
