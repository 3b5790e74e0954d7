"""Read the recipe's source files into Parquet, every value as text; unreadable rows are set aside with a reason.

    python -m stages.ingest --params params.yaml --recipes recipes --raw data/raw/rotten_tomatoes \
        --out data/ingest --metrics metrics/ingest.json

All values become text (true, 1.0, null stays null), so the same rows give the same table from any format.
"""

import glob
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from stages.ingest import remote
from strata import address
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.reading.source_file import SourceFile
from strata.rejects import Rejects
from strata.settings.reader import read_settings

REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])
KINDS = "package://, hub://, https://"
NOT_FOUND = "put the file there, or name one that is there in the recipe's source"


def find(addresses: str | list[str], raw: Path, role: str, downloads: Path) -> list[Path]:
    """Turn the recipe's addresses into files; those a glob finds come sorted by name.

    role: train or test, which names the files of a dataset on the Hub. downloads: where https:// files go.
    """
    found = []
    for name in [addresses] if isinstance(addresses, str) else addresses:
        if name.startswith(address.SCHEME):
            found.append(address.locate(name))
            continue
        if name.startswith("hub://"):
            found += remote.hub_files(name, role)
            continue
        if name.startswith("https://"):
            found.append(remote.fetch(name, downloads / str(len(found))))
            continue
        if "://" in name:
            raise StrataError(f"source {name}: unknown kind of address; allowed: a file in {raw}, {KINDS}")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise StrataError(f"source {name}: must be inside {raw}; copy or link the file into that folder")
        is_pattern = glob.has_magic(name) and not (raw / name).is_file()
        try:
            matches = sorted(raw.glob(name)) if is_pattern else [raw / name]
        except (ValueError, NotImplementedError) as error:
            raise StrataError(
                f"source {name}: not a pattern for file names: {error}; write one such as *.csv"
            ) from None
        if not matches or not all(path.is_file() for path in matches):
            there = ", ".join(sorted(p.name for p in raw.glob("[!.]*"))[:20]) or "nothing"
            raise StrataError(f"{raw / name}: no such file; {raw} holds {there}; {NOT_FOUND}")
        found += matches
    twice = [path for path in found if found.count(path) > 1]
    if twice:
        raise StrataError(f"{twice[0]}: source names this file twice, which would double its rows; name it once")
    return found


def read(paths: list[Path], raw: Path, encoding: str | None, rejects: Rejects) -> Iterator[pa.Table]:
    """Yield the tables of several files of the same columns; what cannot be read goes to `rejects`.

    A file in `raw` is called by its path from there. JSON leaves out a key that has no value, so its files may differ.
    """
    first = None
    for path in paths:
        name = path.relative_to(raw).as_posix() if path.is_relative_to(raw) else path.name
        source, names = SourceFile(path, name, rejects, encoding), {}
        before, rows = len(rejects), 0
        for table in source.tables():
            names |= dict.fromkeys(table.column_names)
            rows += len(table)
            yield table
        if source.rows_read != rows + len(rejects) - before:
            raise AssertionError(f"{path}: rows were lost")
        if names:
            first = first or (source, names)
            odd = names.keys() ^ first[1].keys()
            if odd and not (source.is_json and first[0].is_json):
                raise StrataError(
                    f"{path}: its columns differ from those of {first[0].path}: {', '.join(sorted(odd))}; make them "
                    "the same"
                )


def write(path: Path, stream: Iterator[pa.Table]) -> int:
    """Write tables whose columns may grow from one to the next as one Parquet file; return the number of rows.

    Rows before a column's first appearance hold null there. While the columns stay, rows go to one part; parts are
    joined at the end.
    """
    parts, names = [], {}
    following = next(stream, None)

    def alike() -> Iterator[pa.RecordBatch]:
        nonlocal following
        while following is not None and set(following.column_names) <= names.keys():
            yield from _widen(following, schema).to_batches()
            following = next(stream, None)

    while following is not None:
        names |= dict.fromkeys(following.column_names)
        schema = pa.schema([(name, pa.int64() if name == "_line" else pa.string()) for name in names])
        parts.append(path.with_name(f".{path.name}.{len(parts)}"))
        rows = tables.write(parts[-1], alike(), schema)
    if not parts:
        return 0
    if len(parts) == 1:
        parts[0].replace(path)
        return rows
    batches = (pa.Table.from_batches([batch]) for part in parts for batch in tables.batches(part, 10_000))
    rows = tables.write(path, (batch for table in batches for batch in _widen(table, schema).to_batches()), schema)
    for part in parts:
        part.unlink()
    return rows


def _widen(table: pa.Table, schema: pa.Schema) -> pa.Table:
    nothing = pa.nulls(len(table), pa.string())
    found = set(table.column_names)
    return pa.table([table[name] if name in found else nothing for name in schema.names], schema=schema)


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--raw", "--out", "--metrics")
    settings, recipe = read_settings(args.params, args.recipes)
    most, counts = settings.ingest.max_rejects, {}
    with (
        files.replace_folder(args.out) as out,
        Rejects(out / "rejects.parquet", REJECTS) as rejects,
        tempfile.TemporaryDirectory(dir=out, prefix="downloads") as temporary,
        tqdm(desc="ingest", unit=" rows", unit_scale=True, disable=None) as bar,
    ):
        downloads = Path(temporary)
        for name, addresses in (("train", recipe.source.train), ("test", recipe.source.test)):
            if addresses is None:
                continue
            before, reasons = len(rejects), rejects.reasons.copy()
            paths = find(addresses, args.raw, name, downloads)
            rows = write(out / f"{name}.parquet", counted(read(paths, args.raw, recipe.source.encoding, rejects), bar))
            if not rows:
                if len(rejects) > before:
                    check_rejects(rejects, len(rejects), most=0)
                raise StrataError(f"source.{name}: its files hold no row; name files with rows in the recipe")
            counts[name] = {"rows": rows, "rejects": dict(sorted((rejects.reasons - reasons).items()))}
        check_rejects(rejects, sum(count["rows"] for count in counts.values()) + len(rejects), most)
    files.write_metrics(args.metrics, counts)
    for name, count in counts.items():
        print(f"ingest: {name} {count['rows']:,} rows, {sum(count['rejects'].values()):,} rejects")


def counted(stream: Iterator[pa.Table], bar: tqdm) -> Iterator[pa.Table]:
    """Yield tables while a progress bar counts their rows."""
    for table in stream:
        bar.update(len(table))
        yield table


def check_rejects(rejects: Rejects, rows: int, most: float) -> None:
    """Raise: StrataError when more than the share `most` of `rows` was rejected."""
    if len(rejects) > most * rows:
        first = rejects.first
        raise StrataError(
            f"{first['file']}: {len(rejects):,} of {rows:,} rows cannot be read, more than "
            f"ingest.max_rejects ({most:g}) allows; first: line {first['line']}, {first['reason']}: "
            f"{(first['raw'] or '').strip()[:60]!r}; mend the file, or raise ingest.max_rejects"
        )


if __name__ == "__main__":
    command_line.run(main, "ingest")
