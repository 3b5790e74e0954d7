"""Split rows into train, validation and test: every label at its share, no copy and no group on two sides.

    python -m stages.split --params params.yaml --recipes recipes \
        --data data/standardize --out data/split --metrics metrics/split.json --plots plots/split

Copies are texts that are equal up to case, spacing and punctuation. A test file that the recipe brings stays the test
split; training rows that copy one of its rows, or share its group, are left out and counted.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import regex
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stages.shared import balance, command, files, params, tables
from stages.shared.command import StageError
from stages.shared.labels import read_labels


def fold(text: str) -> str:
    """Return what two copies share: letters, marks and digits, without case, width, spacing and punctuation.

    >>> fold("Don't _miss_ good-bye!") == fold("dont MISS  goodbye")
    True
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(regex.findall(r"[\p{L}\p{M}\p{N}]+", plain)) or text


def clusters(rows: pd.DataFrame, special_tokens: Sequence[str] = ()) -> np.ndarray:
    """Number the clusters of rows tied by a copied text or a common group: (rows,) int.

    A row with no group is tied by its text alone, which is compared without the special tokens appended to it.
    """
    n = len(rows)
    text = rows["text"]
    if special_tokens:
        appended = re.compile("(?: (?:" + "|".join(map(re.escape, special_tokens)) + "))+$")
        text = text.map(lambda value: appended.sub("", value))
    ties = [pd.factorize(text.map(fold))[0]]
    if rows["group"].notna().any():
        ties.append(pd.factorize(rows["group"])[0])  # -1 where there is none
    edges, offset = [], n
    for tie in ties:
        tied = np.flatnonzero(tie >= 0)
        edges.append(np.stack([tied, offset + tie[tied]]))
        offset += tie.max() + 1
    row, key = np.concatenate(edges, axis=1)
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, key)), shape=(offset, offset))
    return connected_components(graph, directed=False)[1][:n]


def assign(cluster: np.ndarray, label: np.ndarray, shares: list[float], seed: int) -> np.ndarray:
    """Give every row the index of its split, clusters unbroken, each label as near its shares as they allow.

    cluster, label: (rows,) int. shares: one a split, sum 1. Returns: (rows,) int.
    Clusters of several rows go first, largest first, each to where it lowers the squared distance from the wanted
    counts most, relative to them; single rows then fill up what is missing exactly.
    """
    random = np.random.default_rng(seed)
    cluster = np.unique(cluster, return_inverse=True)[1]
    size = np.bincount(cluster)
    split = np.full(len(label), -1)
    wanted = np.outer(shares, np.bincount(label)) + 1e-9  # (splits, labels); the sum keeps absent labels divisible
    missing = wanted.copy()

    members = np.argsort(cluster, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)])
    several = random.permutation(np.flatnonzero(size > 1))
    for c in several[np.argsort(-size[several], kind="stable")]:
        rows = members[starts[c] : starts[c + 1]]
        counts = np.bincount(label[rows], minlength=wanted.shape[1])
        chosen = int(np.argmax(((2 * missing - counts) * counts / wanted).sum(axis=1)))
        split[rows] = chosen
        missing[chosen] -= counts

    for wanted_label in np.unique(label):
        singles = random.permutation(np.flatnonzero((split == -1) & (label == wanted_label)))
        gaps = np.maximum(missing[:, wanted_label], 0)
        bounds = np.round(np.cumsum(gaps) / gaps.sum() * len(singles)).astype(int) if gaps.sum() else [len(singles)]
        for index, part in enumerate(np.split(singles, bounds[:-1])):
            split[part] = index
    return split


def split_rows(
    rows: pd.DataFrame,
    test: pd.DataFrame | None,
    validation: float,
    test_share: float,
    seed: int,
    special_tokens: Sequence[str] = (),
) -> tuple[dict[str, pd.DataFrame], int, int]:
    """Split `rows`, or only into train and validation where there is a ready-made `test`.

    Returns: the splits, how many rows copy another row or share its group, how many were left out because of `test`.
    """
    together = rows if test is None else pd.concat([rows, test], ignore_index=True)
    cluster = clusters(together, special_tokens)
    tied = int((np.bincount(cluster)[cluster] > 1).sum())
    left_out = 0
    if test is not None:
        cluster, test_clusters = cluster[: len(rows)], cluster[len(rows) :]
        free = ~np.isin(cluster, test_clusters)
        left_out = int((~free).sum())
        rows, cluster = rows[free], cluster[free]
    names = ["train", "validation"] if test is not None else ["train", "validation", "test"]
    shares = [1 - validation - (0 if test is not None else test_share), validation, test_share][: len(names)]
    index = assign(cluster, rows["label"].to_numpy(), shares, seed) if len(rows) else np.array([], dtype=int)
    splits = {name: rows[index == i].sort_values("id") for i, name in enumerate(names)}
    return splits | ({} if test is None else {"test": test}), tied, left_out


def check(path: Path, splits: dict[str, pd.DataFrame], names: list[str]) -> None:
    """Raise: StageError when a label is missing from a split."""
    for split, rows in splits.items():
        for label, name in enumerate(names):
            if not (rows["label"] == label).any():
                counts = ", ".join(f"{s} {(r['label'] == label).sum():,}" for s, r in splits.items())
                raise StageError(
                    f"{path}: the {split} split has no row of label {name} (rows: {counts}); every split needs "
                    f"each label: bring more {name} rows, larger shares in split, or smaller groups"
                )


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(__doc__, argv, "--data", "--out", "--metrics", "--plots")
    settings, _ = params.load(args.params, args.recipes)
    names = read_labels(args.data / "labels.json").names
    rows = tables.read(args.data / "train.parquet")
    ready_made = args.data / "test.parquet"
    test = tables.read(ready_made) if ready_made.exists() else None
    special_tokens = files.read_json(args.data / "special_tokens.json")
    splits, tied, left_out = split_rows(
        rows, test, settings.split.validation, settings.split.test, settings.seed, special_tokens
    )
    if left_out == len(rows):
        raise StageError(
            f"{ready_made}: every training row copies one of its rows or shares its group; bring other files"
        )
    check(args.data / "train.parquet", splits, names)
    counted = balance.Balance(names)
    with files.replace_folder(args.plots) as plots, files.replace_folder(args.out) as out:
        for name, part in {"before": rows, **splits}.items():
            counted.add(name, part["label"].to_numpy(), part["text"].str.len().to_numpy())
        balance.write({"": counted}, plots)
        for name, part in splits.items():
            tables.write_frame(out / f"{name}.parquet", part)
    metrics = {
        name: {
            "rows": len(part),
            "labels": {name: int((part["label"] == label).sum()) for label, name in enumerate(names)},
        }
        for name, part in splits.items()
    }
    files.write_json(args.metrics, metrics | {"rows_tied_to_others": tied, "rows_left_out_as_copies_of_test": left_out})
    for name, part in splits.items():
        print(f"split: {name} {len(part):,} rows")
    if left_out:
        print(f"split: {left_out:,} training rows left out, tied to rows of the test file")


if __name__ == "__main__":
    command.run(main, "split")
