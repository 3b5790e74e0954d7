"""Time and memory of ingest and standardize, compared with the same work in pandas.

    python -m benchmarks.ingest    # from the root; writes benchmarks/ingest/results.json, takes twenty minutes

The file is generated: 573,913 rows with the columns of the IMDb Spoiler Dataset. Strata and pandas run in turn, REPEATS
times; figures are medians. Strata also runs once on four times the rows. Times are wall times of whole processes.
Memory is the largest resident memory of a process and its descendants, sampled ten times per second.
"""

import json
import platform
import re
import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.ingest import generate
from benchmarks.measure import median, run
from strata.base.cores import cores

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
ROWS, REPEATS = 573_913, 3
STAGES = (
    "stages.ingest --params params.yaml --recipes recipes --raw data/raw/imdb_spoilers --out data/ingest "
    "--metrics metrics/ingest.json",
    "stages.standardize --params params.yaml --recipes recipes --data data/ingest --out data/standardize "
    "--metrics metrics/standardize.json --plots plots/standardize",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("stages", "strata", "recipes", "benchmarks"):
            shutil.copytree(ROOT / name, folder / name)
        settings = (ROOT / "params.yaml").read_text(encoding="utf-8")
        settings = re.sub(r"(?m)^recipe: \w+", "recipe: imdb_spoilers", settings)
        (folder / "params.yaml").write_text(settings, encoding="utf-8")
        source = folder / "data/raw/imdb_spoilers/IMDB_reviews.json"
        source.parent.mkdir(parents=True)
        generate.main(ROWS, source)
        size = source.stat().st_size
        notebook = f"benchmarks.ingest.notebook {source} {folder / 'notebook.parquet'}"
        strata_runs, pandas_runs = [], []
        for _ in range(REPEATS):
            strata_runs.append(run(folder, STAGES))
            pandas_runs.append(run(folder, (notebook,)))
        generate.main(4 * ROWS, source)
        larger = run(folder, STAGES)
    strata, pandas = median(strata_runs), median(pandas_runs)
    speedups = [pandas_run["s"] / run["s"] for run, pandas_run in zip(strata_runs, pandas_runs, strict=True)]
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "rows": ROWS,
        "file_mb": round(size / 1e6),
        "repeats": REPEATS,
        "strata": strata,
        "pandas": pandas,
        "times_faster": round(statistics.median(speedups), 2),
        "share_of_the_memory": round(strata["gb"] / pandas["gb"], 3),
        "strata_on_four_times_the_rows": {key: round(value, 2) for key, value in larger.items()},
        "memory_growth": round(larger["gb"] / strata["gb"], 3),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
