"""Turn texts into token ids: one unpadded Arrow dataset per split.

    python -m stages.tokenize --params params.yaml --recipes recipes --resample data/resample --split data/split \
        --special-tokens data/standardize/special_tokens.json --out data/tokenize --metrics metrics/tokenize.json

The tokenizer is saved next to them. Its vocabulary includes the special tokens of the recipe's `annotate`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.model import checkpoint
from strata.model.tokens import SCHEMA, write_tokens
from strata.settings.reader import read_settings
from strata.text.annotation import annotated

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


def load_tokenizer(folder: Path, max_length: int) -> "PreTrainedTokenizerFast":
    """Load a checkpoint's fast tokenizer.

    Raises: StrataError if it has none, or the checkpoint is broken, or has no positions for so many tokens.
    """
    from strata.model import pretrained
    from strata.model.probe import positions

    config, tokenizer = pretrained.load_config(folder), pretrained.load_tokenizer(folder)
    if not tokenizer.is_fast:
        raise StrataError(f"model.checkpoint {folder}: has no fast tokenizer (tokenizer.json); choose another")
    # without max_position_embeddings, positions are relative and have no limit
    limit = min(tokenizer.model_max_length, getattr(config, "max_position_embeddings", None) or 10**9)
    limit = positions(folder, tokenizer, min(max_length, limit))
    if max_length > limit:
        raise StrataError(f"tokenize.max_length is {max_length}, the checkpoint's limit is {limit}; lower it")
    return tokenizer


def save_tokenizer(tokenizer: "PreTrainedTokenizerFast", special_tokens: list[str], folder: Path) -> None:
    """Add the recipe's special tokens to the tokenizer and save it."""
    from tokenizers import AddedToken

    # not normalized, since an uncased vocabulary would lower their case
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special_tokens], True)
    for key in ("is_local", "local_files_only"):  # they say how it was loaded, so HF_HUB_OFFLINE would change the bytes
        tokenizer.init_kwargs.pop(key, None)
    tokenizer.save_pretrained(folder)


def tokenize(rows: pd.DataFrame, tokenizer: "PreTrainedTokenizerFast", max_length: int) -> tuple[pa.Table, np.ndarray]:
    """Encode texts and their annotations without padding.

    Returns: a table of SCHEMA, and the lengths before truncation: (rows,) int.
    """
    encoder = tokenizer.backend_tokenizer
    encoder.no_padding()
    encoder.no_truncation()
    texts = annotated(rows["text"], rows["annotation"])
    ids = [encoding.ids for encoding in encoder.encode_batch_fast(texts)]
    lengths = np.array([len(row) for row in ids])
    encoder.enable_truncation(max_length)
    too_long = np.flatnonzero(lengths > max_length)
    for position, encoding in zip(too_long, encoder.encode_batch_fast([texts[i] for i in too_long]), strict=True):
        ids[position] = encoding.ids
    columns = [rows["id"], ids, rows["label"], np.minimum(lengths, max_length)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.table(arrays, schema=SCHEMA), lengths


def summary(lengths: np.ndarray, max_length: int) -> dict:
    """Return the metrics of one split. lengths: (rows,) tokens before truncation."""
    return {
        "rows": len(lengths),
        "tokens": int(np.minimum(lengths, max_length).sum()),
        "truncated_share": float((lengths > max_length).mean()),
        "length": {f"p{100 * q:g}": int(np.quantile(lengths, q, method="higher")) for q in QUANTILES},
    }


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--resample", "--split", "--special-tokens", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    max_length = settings.tokenize.max_length
    splits = {"train": tables.read(args.resample / "train.parquet")}
    splits |= {name: tables.read(args.split / f"{name}.parquet") for name in ("validation", "test")}
    special_tokens = files.read_json(args.special_tokens)
    tokenizer = load_tokenizer(checkpoint.locate(settings.model), max_length)
    metrics = {}
    with files.replace_folder(args.out) as out:
        save_tokenizer(tokenizer, special_tokens, out / "tokenizer")
        for name, rows in splits.items():
            table, lengths = tokenize(rows, tokenizer, max_length)
            write_tokens(table, out / name)
            metrics[name] = summary(lengths, max_length)
    files.write_metrics(args.metrics, metrics)
    for name, split in metrics.items():
        print(
            f"tokenize: {name} {split['rows']:,} rows, {split['tokens']:,} tokens, "
            f"{split['truncated_share']:.1%} of rows truncated"
        )


if __name__ == "__main__":
    command_line.run(main, "tokenize")
