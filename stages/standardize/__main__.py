"""Rename columns, filter rows, clean text and map labels to ids, as the recipe says.

    python -m stages.standardize --params params.yaml --recipes recipes --data data/ingest \
        --out data/standardize --metrics metrics/standardize.json --plots plots/standardize

Writes train.parquet, test.parquet where the recipe brings a test file, rejects.parquet, labels.json, and
special_tokens.json with what `annotate` appended. The columns that `annotate` names, and those that `keep` leaves
several values of, travel along as attribute.NAME. Rows pass through in batches, so that memory does not grow with them.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from stages.standardize import row_groups
from stages.standardize.filters import sample, survey
from stages.standardize.rows import Standardizer, named_columns
from strata import row_counts
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.label_rules import unlisted_sentence
from strata.rejects import Rejects
from strata.settings.reader import read_settings

REJECTS = pa.schema(
    [(name, pa.string()) for name in ("file", "reason", "text", "label")]
    + [(name, pa.int64()) for name in ("id", "line")]
)


def check(path: Path, made: Standardizer, label: np.ndarray, names: list[str], most: float) -> None:
    """Raise: StrataError on too many rejects, or a label without rows."""
    rejects = made.rejected.total()
    total = len(label) + rejects
    if rejects > most * total:
        if made.unlisted and rejects == made.unlisted.total():
            raise StrataError(f"{path}: {unlisted_sentence(made.unlisted)}")
        first = made.first_reject
        others = f"; {unlisted_sentence(made.unlisted)}" if made.unlisted else ""
        raise StrataError(
            f"{path}: {rejects:,} of {total:,} rows lack a text, a label or a date, more than "
            f"standardize.max_rejects ({most:g}) allows; first: {first['file']}, line {first['line']} "
            f"({first['reason']}); mend them, drop empty texts with keep.min_words=1, or raise "
            f"standardize.max_rejects{others}"
        )
    counts = Counter(label.tolist())
    empty = [name for label_id, name in enumerate(names) if label_id not in counts]
    if empty:
        found = ", ".join(f"{names[label_id]} {count:,}" for label_id, count in counts.most_common())
        raise StrataError(
            f"{path}: no row has the label {', '.join(empty)} (found: {found or 'no rows at all'}); every label needs "
            "rows: mend labels or keep in the recipe"
        )


def write_sample(full: Path, path: Path, positions: np.ndarray, schema: pa.Schema) -> None:
    """Write the rows of `full` at `positions`, ascending, to `path`, and remove `full`."""

    def drawn() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in tables.batches(full, row_groups.BATCH):
            low, high = np.searchsorted(positions, [start, start + batch.num_rows])
            yield batch.take(pa.array(positions[low:high] - start))
            start += batch.num_rows

    tables.write(path, drawn(), schema)
    full.unlink()


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--out", "--metrics", "--plots")
    settings, recipe = read_settings(args.params, args.recipes)
    names = list(recipe.labels)
    metrics, balances, first_id, known, tokens = {}, {}, 0, None, None
    with (
        files.replace_folder(args.plots) as plots,
        files.replace_folder(args.out) as out,
        Rejects(out / "rejects.parquet", REJECTS) as rejects,
        tqdm(desc="standardize", unit=" rows", unit_scale=True, disable=None) as bar,
    ):
        for name in ("train", "test"):
            path = args.data / f"{name}.parquet"
            if name == "test" and not path.exists():  # ingest writes one only where the recipe brings a test file
                continue
            columns = named_columns(path, recipe)
            if known is None:
                needs_survey = recipe.keep.top or recipe.keep.where
                known = survey(row_groups.batches(path, columns) if needs_survey else [], recipe.keep)
            made = Standardizer(recipe, known, tokens, rejects)
            whole = out / f"{name}.parquet"
            tables.write(whole, row_groups.rows(path, columns, first_id, made, bar), made.schema)
            first_id += made.read  # ids go on from train to test, so that none is used twice
            label, characters = made.kept()
            check(path, made, label, names, settings.standardize.max_rejects)
            if made.read != len(label) + made.rejected.total() + sum(made.dropped.values()):
                raise AssertionError(f"{path}: rows were lost")
            if name == "train":
                tokens = made.tokens
                if recipe.sample is not None and recipe.sample < len(label):
                    positions = sample(label, recipe.sample, settings.seed)
                    made.dropped["sample"] = len(label) - len(positions)
                    label, characters = label[positions], characters[positions]
                    check(path, made, label, names, settings.standardize.max_rejects)
                    write_sample(whole.rename(out / ".all.parquet"), whole, positions, made.schema)
            made.balance.add("kept", label, characters)
            balances[name] = made.balance
            metrics[name] = {
                "rows_read": made.read,
                "filtered": {key: count for key, count in made.dropped.items() if count},
                "rejected": dict(sorted(made.rejected.items())),
                "rows": len(label),
                "labels": {label_name: int((label == label_id).sum()) for label_id, label_name in enumerate(names)},
            }
        files.write_json(out / "labels.json", {"labels": names, "positive": recipe.positive})
        files.write_json(out / "special_tokens.json", sorted(tokens))
        row_counts.write(balances, plots)
    files.write_metrics(args.metrics, metrics)
    for name, counted in metrics.items():
        print(f"standardize: {name} {counted['rows']:,} rows of {counted['rows_read']:,}")


if __name__ == "__main__":
    command_line.run(main, "standardize")
