"""Time a first `dvc repro` in a fresh clone, and a second one.

    python -m benchmarks.repro    # from the root; writes benchmarks/repro/results.json

Times are wall times in seconds. Memory is the largest resident memory of any single process of the run. The clone has
an empty DVC cache. The result also lists the files that `git status` reports as changed: none if the run repeats.
"""

import json
import platform
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from strata.base.cores import cores

HERE = Path(__file__).parent


def timed(folder: Path, *argv: str) -> tuple[float, str]:
    """Run a command and return its seconds and what it prints."""
    start = time.perf_counter()
    process = subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True)
    return round(time.perf_counter() - start, 1), process.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "strata"
        subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
        first_seconds, _ = timed(clone, "dvc", "repro")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # kB on Linux
        seconds, output = sorted(timed(clone, "dvc", "repro") for _ in range(5))[2]  # the median
        status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True)
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "cold_repro_s": first_seconds,
        "peak_memory_gb": round(peak, 2),
        "second_repro_s_median_of_5": seconds,
        "second_repro_says": output.splitlines()[-1],
        "files_that_differ_from_the_recorded_run": status.stdout.splitlines(),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
