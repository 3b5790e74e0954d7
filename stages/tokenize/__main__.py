"""Turn texts into token ids: one unpadded Arrow dataset per split.

    python -m stages.tokenize --params params.yaml --recipes recipes --resample data/resample --split data/split \
        --special-tokens data/standardize/special_tokens.json --out data/tokenize --metrics metrics/tokenize.json

The tokenizer is saved next to them. It knows the special tokens of the recipe's `annotate`, how many tokens a text is
cut to, and by which window: later stages take all from there. Rows are read, encoded and written in blocks, so that
memory does not grow with them.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strata.base import command_line, files
from strata.base.errors import StrataError
from strata.model import checkpoint, untrained
from strata.settings.params import Tokenize
from strata.settings.reader import read_settings
from strata.text.windows import CHUNKS, HEAD, HEAD_TAIL, Window, save_window

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from strata.text.encoder import Encoder

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


def save_tokenizer(tokenizer: "PreTrainedTokenizerFast", window: Window, folder: Path) -> None:
    """Save a tokenizer that cuts a text to max_length tokens, and by which window the stages do."""
    for key in ("is_local", "local_files_only"):  # they say how it was loaded, so HF_HUB_OFFLINE would change the bytes
        tokenizer.init_kwargs.pop(key, None)
    tokenizer.model_max_length = window.max_length
    tokenizer.save_pretrained(folder)
    save_window(folder, window)


def summary(lengths: np.ndarray, window: Window, special: int) -> dict:
    """Return the metrics of one split. lengths: (rows,) tokens before truncation. special: those around a text."""
    windows = {"windows": int(window.counts(lengths, special).sum())} if window.kind == CHUNKS else {}
    return {
        "rows": len(lengths),
        "tokens": int(window.tokens(lengths, special).sum()),
        **windows,
        "truncated_share": float((lengths > window.longest(special)).mean()),
        "length": {f"p{100 * q:g}": int(np.quantile(lengths, q, method="higher")) for q in QUANTILES},
    }


def window_of(settings: Tokenize, max_length: int, special: int) -> Window:
    """Return the window of the settings. Raises: StrataError when one does not start after the one before it."""
    if settings.window != CHUNKS:
        return Window(max_length, settings.window)
    if max_length - special <= settings.chunk_overlap:
        raise StrataError(
            f"tokenize.chunk_overlap is {settings.chunk_overlap}, and a window has {max_length - special} tokens of a "
            "text; lower it"
        )
    return Window(max_length, CHUNKS, settings.chunk_overlap, settings.max_chunks)


def told(window: Window) -> dict:
    """Return the metrics of a window: of the head, max_length alone."""
    metrics = {"max_length": window.max_length}
    if window.kind != HEAD:
        metrics["window"] = window.kind
    if window.kind == CHUNKS:
        metrics |= {"chunk_overlap": window.overlap, "max_chunks": window.max_chunks}
    return metrics


def print_summary(splits: dict[str, dict], window: Window, special: int, longer: int | str | None) -> None:
    """Print a line for each split, and a warning for one of which many rows are cut. splits: see `summary`.

    special: as there. longer: what tokenize.max_length may be set to for more tokens; None where there are no more.
    """
    for name, split in splits.items():
        share, windows = split["truncated_share"], f" in {split['windows']:,} windows" if "windows" in split else ""
        tokens = f"{split['tokens']:,} tokens{windows}"
        print(f"tokenize: {name} {split['rows']:,} rows, {tokens}, {share:.1%} of rows truncated")
    cut = {name: split["truncated_share"] for name, split in splits.items() if split["truncated_share"] > MANY}
    if cut:
        shares = ", ".join(f"{share:.0%} of the {name} rows" for name, share in cut.items())
        most = f"{window.longest(special):,} tokens"
        unread = f"the end of {shares} is not read, after {most}"
        if window.kind == HEAD_TAIL:
            unread = f"the middle of {shares} is not read, since they have more than {most}"
        print(f"tokenize: CAUTION: {unread}: {remedy(window, longer)}")


def remedy(window: Window, longer: int | str | None) -> str:
    """Return what has more of the texts read. longer: as in `print_summary`."""
    if window.kind == CHUNKS:
        return f"-S tokenize.max_chunks={2 * window.max_chunks}"
    if longer is None:
        return "the checkpoint reads no more at a time; -S tokenize.window=chunks, or choose one that does"
    return f"-S tokenize.max_length={longer}, or -S tokenize.window=chunks"


def write_splits(
    args: argparse.Namespace, section: Tokenize, folder: Path, limit: int, encoder: "Encoder", out: Path
) -> tuple[Window, dict[str, np.ndarray]]:
    """Write the token ids of all splits. folder: the checkpoint's. limit: see `limit_of`.

    Returns: the window that they are cut by, and of each split the rows' lengths before that, (rows,) int.
    """
    from stages.tokenize.blocks import keep, kept, read_blocks, write_split
    from stages.tokenize.max_length import chosen

    window = window_of(section, limit if section.max_length == "auto" else section.max_length, encoder.special)
    train, bodies, lengths = read_blocks(args.resample / "train.parquet", encoder), out / "bodies.arrow", {}
    if section.max_length == "auto":
        most = None if window.kind == HEAD_TAIL else window.longest(encoder.special)
        size = chosen(keep(train, most, bodies), limit, folder, load_tokenizer(folder))
        window = window_of(section, size, encoder.special)
        train = kept(bodies)
    lengths["train"] = write_split(train, encoder, window, out / "train")
    bodies.unlink(missing_ok=True)
    for name in ("validation", "test"):
        rows = read_blocks(args.split / f"{name}.parquet", encoder)
        lengths[name] = write_split(rows, encoder, window, out / name)
    return window, lengths


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--resample", "--split", "--special-tokens", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    section, special_tokens = settings.tokenize, files.read_json(args.special_tokens)
    folder = checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256)
    # these imports take seconds, so that a wrong parameter or input is reported before them
    from stages.tokenize.max_length import check, limit_of
    from strata.text.encoder import Encoder

    tokenizer = load_tokenizer(folder)
    limit = limit_of(folder, tokenizer)
    if section.max_length != "auto":
        check(section.max_length, folder, tokenizer)
    add_tokens(tokenizer, special_tokens)
    encoder = Encoder(tokenizer.backend_tokenizer)
    with files.replace_folder(args.out) as out:
        window, lengths = write_splits(args, section, folder, limit, encoder, out)
        save_tokenizer(tokenizer, window, out / "tokenizer")
        if settings.model.kind == "tfidf":
            untrained.write(out / "train")
    metrics = {name: summary(of_split, window, encoder.special) for name, of_split in lengths.items()}
    files.write_metrics(args.metrics, metrics | told(window))
    longer = "auto" if section.max_length != "auto" else min(2 * window.max_length, limit)
    print_summary(metrics, window, encoder.special, longer if window.max_length < limit else None)


if __name__ == "__main__":
    command_line.run(main, "tokenize")
