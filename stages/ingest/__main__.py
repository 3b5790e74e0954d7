"""Read the recipe's source files into Parquet, with every value as text. Rows that cannot be read are set aside.

    python -m stages.ingest --params params.yaml --recipes recipes --raw data/raw/rotten_tomatoes \
        --out data/ingest --metrics metrics/ingest.json

All values become text (true, 1.0; null stays null), so that the same rows give the same table from any format.
rejects.parquet holds the rows that cannot be read, each with the reason.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from stages.ingest.growing_table import write_growing
from stages.ingest.sources import source_files
from strata.base import command_line, files
from strata.base.errors import StrataError
from strata.reading.encoding import mixed_remedy
from strata.reading.open_files import Rows, check_columns, opened
from strata.rejects import Rejects
from strata.settings.reader import read_settings
from strata.settings.recipe import Source

REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])


def read(files: Iterable[Rows], rejects: Rejects) -> Iterator[pa.Table]:
    """Yield the tables of several files. rejects: takes, of all files, the rows that cannot be read.

    Raises: StrataError when the files differ in their columns; formats whose rows may leave out a key (JSON) may differ
    from each other.
    """
    first = None
    for source in files:
        rejected, rows, names = len(rejects), 0, {}
        for table in source.tables():
            names |= dict.fromkeys(table.column_names)
            rows += len(table)
            yield table
        if source.rows_read != rows + len(rejects) - rejected:
            raise AssertionError(f"{source.path}: rows were lost")
        if names:
            first = first or (source, names)
            check_columns(source, names, *first)


def check_rejects(rejects: Rejects, rows: int, most: float) -> None:
    """Raise StrataError when more than the share `most` of `rows` was rejected."""
    if len(rejects) > most * rows:
        first = rejects.first
        raise StrataError(
            f"{first['file']}: {len(rejects):,} of {rows:,} rows cannot be read, more than "
            f"ingest.max_rejects ({most:g}) allows; first: line {first['line']}, {first['reason']}: "
            f"{(first['raw'] or '').strip()[:60]!r}; fix the file, or raise ingest.max_rejects"
            f"{mixed_remedy(first)}"
        )


def counted(stream: Iterator[pa.Table], bar: tqdm) -> Iterator[pa.Table]:
    """Yield tables while a progress bar counts their rows."""
    for table in stream:
        bar.update(len(table))
        yield table


def ingest(source: Source, raw: Path, out: Path, rejects: Rejects) -> dict[str, dict]:
    """Read the source's training and test files into `out`; return the metrics of each: rows, and rejects by reason.

    Raises: StrataError when the files hold no readable row.
    """
    metrics = {}
    with (
        tempfile.TemporaryDirectory(dir=out, prefix="downloads") as downloads,
        tqdm(desc="ingest", unit=" rows", unit_scale=True, disable=None) as bar,
    ):
        for name, addresses in (("train", source.train), ("test", source.test)):
            if addresses is None:
                continue
            reasons = rejects.reasons.copy()
            named = source_files(addresses, raw, name, Path(downloads))
            files = opened(named, raw, source.encoding, rejects, lambda words: print(f"ingest: {words}"))
            rows = write_growing(out / f"{name}.parquet", counted(read(files, rejects), bar))
            rejected = rejects.reasons - reasons
            if not rows and rejected:
                check_rejects(rejects, len(rejects), most=0)
            if not rows:
                raise StrataError(f"source.{name}: its files hold no row; name files with rows in the recipe")
            metrics[name] = {"rows": rows, "rejects": dict(sorted(rejected.items()))}
    return metrics


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--raw", "--out", "--metrics")
    settings, recipe = read_settings(args.params, args.recipes)
    with files.replace_folder(args.out) as out, Rejects(out / "rejects.parquet", REJECTS) as rejects:
        metrics = ingest(recipe.source, args.raw, out, rejects)
        total = sum(counts["rows"] for counts in metrics.values()) + len(rejects)
        check_rejects(rejects, total, settings.ingest.max_rejects)
    files.write_metrics(args.metrics, metrics)
    for name, counts in metrics.items():
        print(f"ingest: {name} {counts['rows']:,} rows, {sum(counts['rejects'].values()):,} rejects")


if __name__ == "__main__":
    command_line.run(main, "ingest")
