"""Turn text into token ids: one unpadded Arrow dataset a split, with each row's length.

    python -m stages.tokenize --params params.yaml --recipes recipes --resample data/resample --split data/split \
        --special-tokens data/standardize/special_tokens.json --out data/tokenize --metrics metrics/tokenize.json

The tokenizer is saved beside, with the special tokens that the recipe's `annotate` brings in its vocabulary.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from strata.annotation import annotated
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.model import checkpoint
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SCHEMA = pa.schema(
    [("id", pa.int64()), ("input_ids", pa.list_(pa.int32())), ("label", pa.int64()), ("length", pa.int32())]
)
QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


def load_tokenizer(folder: Path, max_length: int) -> "PreTrainedTokenizerFast":
    """Load a checkpoint's fast tokenizer. Raises: StrataError when it has none or max_length is beyond its model."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False)
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise StrataError(f"model.checkpoint {folder}: no tokenizer or config to load: {error}") from None
    if not tokenizer.is_fast:
        raise StrataError(f"model.checkpoint {folder}: has no fast tokenizer (tokenizer.json); choose another")
    positions = getattr(config, "max_position_embeddings", None) or 10**9
    if "roberta" in config.model_type:  # its positions start behind the padding's
        positions -= config.pad_token_id + 1
    limit = min(tokenizer.model_max_length, positions)
    if max_length > limit:
        raise StrataError(f"tokenize.max_length is {max_length}, the checkpoint's limit is {limit}; lower it")
    return tokenizer


def tokenize(rows: pd.DataFrame, tokenizer: "PreTrainedTokenizerFast", max_length: int) -> tuple[pa.Table, np.ndarray]:
    """Encode texts, each with its annotation, without padding.

    Returns: a table of SCHEMA, and the lengths before truncation: (rows,) int.
    """
    encoder = tokenizer.backend_tokenizer
    encoder.no_padding()
    encoder.no_truncation()
    texts = annotated(rows["text"], rows["annotation"])
    ids = [encoding.ids for encoding in encoder.encode_batch_fast(texts)]
    full = np.array([len(row) for row in ids])
    encoder.enable_truncation(max_length)
    too_long = np.flatnonzero(full > max_length)
    for position, encoding in zip(too_long, encoder.encode_batch_fast([texts[i] for i in too_long]), strict=True):
        ids[position] = encoding.ids
    columns = [rows["id"], ids, rows["label"], np.minimum(full, max_length)]
    return pa.table([pa.array(c, field.type) for c, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA), full


def save(table: pa.Table, folder: Path) -> None:
    """Save as a `datasets` folder whose fingerprint depends on the rows alone, so that equal rows give equal bytes."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    digest = hashlib.sha256()
    for column in table.columns:
        for chunk in column.chunks:
            for buffer in chunk.buffers():
                digest.update(buffer or b"")
    Dataset(table, fingerprint=digest.hexdigest()[:16]).save_to_disk(folder, num_shards=1)


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--resample", "--split", "--special-tokens", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    max_length = settings.tokenize.max_length
    paths = {
        "train": args.resample / "train.parquet",
        "validation": args.split / "validation.parquet",
        "test": args.split / "test.parquet",
    }
    splits = {name: tables.read(path) for name, path in paths.items()}
    special_tokens = files.read_json(args.special_tokens)
    from tokenizers import AddedToken

    tokenizer = load_tokenizer(checkpoint.locate(settings.model), max_length)
    metrics = {}
    with files.replace_folder(args.out) as out:
        # none of their text is normalised, so that they stay whole in an uncased vocabulary
        tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special_tokens], True)
        for how_it_was_loaded in ("is_local", "local_files_only"):  # HF_HUB_OFFLINE would change the bytes
            tokenizer.init_kwargs.pop(how_it_was_loaded, None)
        tokenizer.save_pretrained(out / "tokenizer")
        for name, rows in splits.items():
            table, full = tokenize(rows, tokenizer, max_length)
            save(table, out / name)
            metrics[name] = {
                "rows": len(full),
                "tokens": int(np.minimum(full, max_length).sum()),
                "truncated_share": float((full > max_length).mean()),
                "length": {f"p{100 * q:g}": int(np.quantile(full, q, method="higher")) for q in QUANTILES},
            }
    files.write_metrics(args.metrics, metrics)
    for name, counted in metrics.items():
        print(
            f"tokenize: {name} {counted['rows']:,} rows, {counted['tokens']:,} tokens, "
            f"{counted['truncated_share']:.1%} of rows truncated"
        )


if __name__ == "__main__":
    command_line.run(main, "tokenize")
