"""Try a checkpoint on one row before hours are spent on it: does it load, and for how many tokens has it positions?"""

from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from strata.base.errors import StrataError
from strata.model.padding import pad_token_id
from strata.model.pretrained import load_model
from strata.model.weights import REMEDY, first_line


def positions(folder: Path, tokenizer: PreTrainedTokenizerBase, max_length: int, key: str = "model.checkpoint") -> int:
    """Return how many tokens a row of a checkpoint may have, at most max_length. key: the setting that names it.

    Raises: StrataError when it cannot be loaded, knows fewer tokens than the tokenizer, or fails on every row.
    """
    model = load_model(AutoModelForSequenceClassification, folder, key).eval()
    known, largest = model.get_input_embeddings().weight.shape[0], max(tokenizer.get_vocab().values(), default=0)
    if largest >= known:
        raise StrataError(
            f"{key} {folder}: its tokenizer has a token with id {largest:,}, and the model {known:,} tokens; take both "
            f"from one model, {REMEDY}"
        )
    error = _failure(model, max_length)
    limit = max_length if error is None else _limit(model, max_length)
    if limit < 1:
        raise StrataError(f"{key} {folder}: fails on a row of tokens ({first_line(error)}); choose another")
    return limit


def _failure(model: PreTrainedModel, length: int) -> Exception | None:
    """Return the error of a batch of two rows, one of `length` tokens and one of half as many; None where it works."""
    pad_id = pad_token_id(model.config)
    ids = torch.full((2, length), 1 if pad_id == 0 else 0)
    mask = torch.ones_like(ids)
    ids[1, (length + 1) // 2 :], mask[1, (length + 1) // 2 :] = pad_id, 0
    try:
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask).logits
    except (IndexError, RuntimeError, ValueError, TypeError, AssertionError) as error:
        return error
    return None if logits.isfinite().all() else ValueError("NaN or infinite logits")


def _limit(model: PreTrainedModel, too_long: int) -> int:
    """Return the largest number of tokens that a row may have; 0 where no row works."""
    low, high = 0, too_long
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _failure(model, middle) is None else (low, middle)
    return low
