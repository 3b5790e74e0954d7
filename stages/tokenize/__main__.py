"""Turn texts into token ids: one unpadded Arrow dataset per split.

    python -m stages.tokenize --params params.yaml --recipes recipes --resample data/resample --split data/split \
        --special-tokens data/standardize/special_tokens.json --out data/tokenize --metrics metrics/tokenize.json

The tokenizer is saved next to them. It knows the special tokens of the recipe's `annotate`, and how many tokens a text
is cut to: later stages take both from there. Rows are read, encoded and written in blocks, so that memory does not grow
with them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strata.base import command_line, files
from strata.base.errors import StrataError
from strata.model import checkpoint, untrained
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)
MANY = 0.2  # share of a split's rows; a warning says when more are cut


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerFast":
    """Load a checkpoint's fast tokenizer. Raises: StrataError if it has none, or its config.json is broken."""
    from strata.model import pretrained

    pretrained.load_config(folder)  # the tokenizer reads it, too, and would take its errors for its own
    tokenizer = pretrained.load_tokenizer(folder)
    if not tokenizer.is_fast:
        raise StrataError(f"model.checkpoint {folder}: has no fast tokenizer (tokenizer.json); choose another")
    return tokenizer


def add_tokens(tokenizer: "PreTrainedTokenizerFast", special_tokens: list[str]) -> None:
    """Add the recipe's special tokens."""
    from tokenizers import AddedToken

    # not normalized, since an uncased vocabulary would lower their case
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special_tokens], True)


def save_tokenizer(tokenizer: "PreTrainedTokenizerFast", max_length: int, folder: Path) -> None:
    """Save a tokenizer that cuts a text to max_length tokens."""
    for key in ("is_local", "local_files_only"):  # they say how it was loaded, so HF_HUB_OFFLINE would change the bytes
        tokenizer.init_kwargs.pop(key, None)
    tokenizer.model_max_length = max_length
    tokenizer.save_pretrained(folder)


def summary(lengths: np.ndarray, max_length: int) -> dict:
    """Return the metrics of one split. lengths: (rows,) tokens before truncation."""
    return {
        "rows": len(lengths),
        "tokens": int(np.minimum(lengths, max_length).sum()),
        "truncated_share": float((lengths > max_length).mean()),
        "length": {f"p{100 * q:g}": int(np.quantile(lengths, q, method="higher")) for q in QUANTILES},
    }


def chosen(lengths: np.ndarray, folder: Path) -> int:
    """Return what `auto` stands for, and print what that costs. lengths: (rows,) tokens of the training rows."""
    from stages.tokenize.max_length import SMALLEST, fitting, limit_of, relative_time
    from strata.model import pretrained
    from strata.model.probe import positions

    tokenizer = load_tokenizer(folder)
    limit = limit_of(folder, tokenizer)
    size = fitting(lengths, limit)
    size = min(size, positions(folder, tokenizer, min(size, limit)))
    said, half = f"{size:,} tokens: cuts {(lengths > size).mean():.1%} of the training rows", size // 2
    hidden = getattr(pretrained.load_config(folder), "hidden_size", None)
    if half >= SMALLEST and hidden:
        times = relative_time(lengths, size, half, hidden)
        said += f", about {times:.1f} times the time of {half:,}, which cuts {(lengths > half).mean():.1%}"
    print(f"tokenize: max_length {said}")
    return size


def print_summary(splits: dict[str, dict], max_length: int, is_auto: bool) -> None:
    """Print a line for each split, and a warning for one of which many rows are cut. splits: see `summary`."""
    for name, split in splits.items():
        share = split["truncated_share"]
        print(f"tokenize: {name} {split['rows']:,} rows, {split['tokens']:,} tokens, {share:.1%} of rows truncated")
    cut = {name: split["truncated_share"] for name, split in splits.items() if split["truncated_share"] > MANY}
    if cut:
        shares = ", ".join(f"{share:.0%} of the {name} rows" for name, share in cut.items())
        remedy = "the checkpoint reads no more; choose one that does" if is_auto else "-S tokenize.max_length=auto"
        print(f"tokenize: CAUTION: the end of {shares} is not read, after {max_length:,} tokens: {remedy}")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--resample", "--split", "--special-tokens", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    max_length, is_auto = settings.tokenize.max_length, settings.tokenize.max_length == "auto"
    special_tokens = files.read_json(args.special_tokens)
    folder = checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256)
    # these imports take seconds, so that a wrong parameter or input is reported before them
    from stages.tokenize.blocks import keep, kept, read_blocks, write_split
    from stages.tokenize.encoder import Encoder
    from stages.tokenize.max_length import check, limit_of

    tokenizer = load_tokenizer(folder)
    limit = limit_of(folder, tokenizer)
    if not is_auto:
        check(max_length, folder, tokenizer)
    add_tokens(tokenizer, special_tokens)
    encoder, lengths = Encoder(tokenizer.backend_tokenizer), {}
    with files.replace_folder(args.out) as out:
        train, bodies = read_blocks(args.resample / "train.parquet", encoder), out / "bodies.arrow"
        if is_auto:
            max_length = chosen(keep(train, limit, bodies), folder)
            train = kept(bodies)
        lengths["train"] = write_split(train, encoder, max_length, out / "train")
        bodies.unlink(missing_ok=True)
        for name in ("validation", "test"):
            rows = read_blocks(args.split / f"{name}.parquet", encoder)
            lengths[name] = write_split(rows, encoder, max_length, out / name)
        save_tokenizer(tokenizer, max_length, out / "tokenizer")
        if settings.model.kind == "tfidf":
            untrained.write(out / "train")
    metrics = {name: summary(of_split, max_length) for name, of_split in lengths.items()}
    files.write_metrics(args.metrics, metrics | {"max_length": max_length})
    print_summary(metrics, max_length, is_auto)


if __name__ == "__main__":
    command_line.run(main, "tokenize")
