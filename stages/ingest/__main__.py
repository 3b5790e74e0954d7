"""Read the recipe's source files into Parquet, every value as text; unreadable rows are set aside with a reason.

    python -m stages.ingest --params params.yaml --recipes recipes --raw data/raw/rotten_tomatoes \
        --out data/ingest --metrics metrics/ingest.json

All values become text (true, 1.0, null stays null), so the same rows give the same table from any format.
"""

import glob
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from stages.ingest.source_file import SourceFile
from stages.shared import address, command, files, params, tables
from stages.shared.command import StageError

REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])
NOT_FOUND = "put the file there, or name one that is there in the recipe's source"


def find(addresses: str | list[str], raw: Path) -> list[Path]:
    """Turn the recipe's addresses into files; those a glob finds come sorted by name."""
    found = []
    for name in [addresses] if isinstance(addresses, str) else addresses:
        if name.startswith(address.SCHEME):
            found.append(address.locate(name))
            continue
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise StageError(f"source {name}: must be inside {raw}; copy or link the file into that folder")
        is_pattern = glob.has_magic(name) and not (raw / name).is_file()
        try:
            matches = sorted(raw.glob(name)) if is_pattern else [raw / name]
        except (ValueError, NotImplementedError) as error:
            raise StageError(f"source {name}: not a pattern for file names: {error}; write one such as *.csv") from None
        if not matches or not all(path.is_file() for path in matches):
            there = ", ".join(sorted(p.name for p in raw.glob("[!.]*"))[:20]) or "nothing"
            raise StageError(f"{raw / name}: no such file; {raw} holds {there}; {NOT_FOUND}")
        found += matches
    twice = [path for path in found if found.count(path) > 1]
    if twice:
        raise StageError(f"{twice[0]}: source names this file twice, which would double its rows; name it once")
    return found


def read(paths: list[Path], rejects: list[dict]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Open several files of the same columns as one stream; what cannot be read is appended to `rejects`."""
    sources = [SourceFile(path) for path in paths]
    names = list(sources[0].columns)
    for source in sources[1:]:
        if set(source.columns) != set(names):
            odd = ", ".join(sorted(set(source.columns) ^ set(names)))
            raise StageError(f"{source.path}: its columns differ from those of {paths[0]}: {odd}; make them the same")
    schema = pa.schema([(name, pa.string()) for name in names])

    def stream() -> Iterator[pa.RecordBatch]:
        for source in sources:
            for batch in source.batches():
                yield batch.select(names).cast(schema)
            rejects.extend(source.rejects)

    return schema, stream()


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(__doc__, argv, "--raw", "--out", "--metrics")
    settings, recipe = params.load(args.params, args.recipes)
    counts, rejects = {}, []
    with files.replace_folder(args.out) as out:
        for name, addresses in (("train", recipe.source.train), ("test", recipe.source.test)):
            if addresses is None:
                continue
            before = len(rejects)
            schema, batches = read(find(addresses, args.raw), rejects)
            rows = tables.write(out / f"{name}.parquet", batches, schema)
            reasons = Counter(reject["reason"] for reject in rejects[before:])
            counts[name] = {"rows": rows, "rejects": dict(sorted(reasons.items()))}
        rows = sum(count["rows"] for count in counts.values())
        check_rejects(rejects, rows + len(rejects), settings.ingest.max_rejects)
        tables.write(out / "rejects.parquet", pa.Table.from_pylist(rejects, REJECTS).to_batches(), REJECTS)
    files.write_json(args.metrics, counts)
    for name, count in counts.items():
        print(f"ingest: {name} {count['rows']:,} rows, {sum(count['rejects'].values()):,} rejects")


def check_rejects(rejects: list[dict], rows: int, most: float) -> None:
    """Raise: StageError when more than the share `most` of `rows` was rejected, or nothing is left."""
    if rejects and len(rejects) > most * rows:
        first = rejects[0]
        raise StageError(
            f"{first['file']}: {len(rejects):,} of {rows:,} rows cannot be read, more than "
            f"ingest.max_rejects ({most:g}) allows; first: line {first['line']}, {first['reason']}: "
            f"{(first['raw'] or '').strip()[:60]!r}; mend the file, or raise ingest.max_rejects"
        )
    if rows == len(rejects):
        raise StageError("the source files hold no readable row; name files with rows in the recipe's source")


if __name__ == "__main__":
    command.run(main, "ingest")
