"""Rename columns, filter rows, clean text and map labels to ids, as the recipe says.

    python -m stages.standardize --params params.yaml --recipes recipes --data data/ingest \
        --out data/standardize --metrics metrics/standardize.json --plots plots/standardize

Writes train.parquet, test.parquet if the recipe names a test file, rejects.parquet, labels.json, and
special_tokens.json with the tokens of `annotate`. The columns of `annotate`, and those of which `keep` allows several
values, become columns attribute.NAME. Rows are processed in batches, so that memory does not grow with them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from stages.standardize import row_groups
from stages.standardize.columns import named_columns
from stages.standardize.counts import Counts
from stages.standardize.filters import Survey, sample, survey_source
from stages.standardize.refusals import check_labels, check_rejects, check_several, say_missing
from stages.standardize.rows import Standardizer
from strata import row_counts
from strata.base import command_line, files, tables
from strata.rejects import Rejects
from strata.settings.params import Params
from strata.settings.reader import read_settings
from strata.settings.recipe import Recipe

REJECTS = pa.schema(
    [(name, pa.string()) for name in ("file", "reason", "text", "label")]
    + [(name, pa.int64()) for name in ("id", "line")]
)


def survey(path: Path, recipe: Recipe) -> Survey:
    """Return what the filters need to know of the training file; it is only read if they need it."""
    columns = named_columns(path, recipe)
    needs_rows = recipe.keep.top or recipe.keep.where
    return survey_source(row_groups.batches(path, columns) if needs_rows else [], recipe.keep)


def standardize(path: Path, out: Path, standardizer: Standardizer, first_id: int, counts: Counts, bar: tqdm) -> None:
    """Standardize the table at `path` into one of the same name in `out`. Ids count from `first_id`."""
    columns = named_columns(path, standardizer.recipe)
    rows = row_groups.rows(path, columns, first_id, standardizer, counts, bar)
    tables.write(out / path.name, rows, standardizer.schema)
    if counts.read != len(counts.label) + counts.rejected.total() + counts.filtered.total():
        raise AssertionError(f"{path}: rows were lost")


def draw_sample(path: Path, counts: Counts, n: int | None, seed: int) -> None:
    """Keep at most n rows of a written table and of its counts; None keeps all."""
    if n is None or n >= len(counts.label):
        return
    positions = sample(counts.label, n, seed)
    counts.take_sample(positions)
    whole = path.rename(path.with_name(".all.parquet"))

    def drawn() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in tables.batches(whole, row_groups.BATCH):
            low, high = np.searchsorted(positions, [start, start + batch.num_rows])
            yield batch.take(pa.array(positions[low:high] - start))
            start += batch.num_rows

    tables.write(path, drawn(), tables.schema(whole))
    whole.unlink()


def standardize_all(data: Path, out: Path, settings: Params, recipe: Recipe) -> dict[str, Counts]:
    """Standardize the training table, and the test table if there is one; return where the rows of each went."""
    names, tokens, counts = list(recipe.labels), None, {}
    filters = survey(data / "train.parquet", recipe)
    with (
        Rejects(out / "rejects.parquet", REJECTS) as rejects,
        tqdm(desc="standardize", unit=" rows", unit_scale=True, disable=None) as bar,
    ):
        for name in ("train", "test"):
            path = data / f"{name}.parquet"
            if name == "test" and not path.exists():  # ingest writes it only if the recipe names a test file
                continue
            first_id = sum(part.read for part in counts.values())  # ids go on, so that none is in both tables
            counts[name] = Counts(names, rejects)
            standardize(path, out, Standardizer(recipe, filters, tokens), first_id, counts[name], bar)
            check_several(path, recipe.columns, counts[name])
            check_rejects(path, counts[name], settings.standardize.max_rejects)
            if name == "train":
                check_labels(path, counts[name].label, names)
                tokens = counts[name].tokens
                draw_sample(out / path.name, counts[name], recipe.sample, settings.seed)
                check_labels(path, counts[name].label, names)
            else:
                say_missing(path, counts[name].label, names)
            counts[name].by_step.add("kept", counts[name].label, counts[name].characters)
    return counts


def summary(counts: Counts, names: list[str]) -> dict:
    """Return one table's metrics. names: of the labels, in id order."""
    return {
        "rows_read": counts.read,
        "filtered": {key: count for key, count in counts.filtered.items() if count},
        "rejected": dict(sorted(counts.rejected.items())),
        "rows": len(counts.label),
        "labels": {name: int((counts.label == label_id).sum()) for label_id, name in enumerate(names)},
    }


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--out", "--metrics", "--plots")
    settings, recipe = read_settings(args.params, args.recipes)
    names = list(recipe.labels)
    with files.replace_folder(args.plots) as plots, files.replace_folder(args.out) as out:
        counts = standardize_all(args.data, out, settings, recipe)
        files.write_json(out / "labels.json", {"labels": names, "positive": recipe.positive})
        files.write_json(out / "special_tokens.json", sorted(counts["train"].tokens))
        row_counts.write({name: part.by_step for name, part in counts.items()}, plots)
    metrics = {name: summary(part, names) for name, part in counts.items()}
    files.write_metrics(args.metrics, metrics)
    for name, part in metrics.items():
        print(f"standardize: {name} {part['rows']:,} rows of {part['rows_read']:,}")


if __name__ == "__main__":
    command_line.run(main, "standardize")
