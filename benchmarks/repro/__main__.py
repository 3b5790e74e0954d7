"""Time a cold `dvc repro` of the recorded run in a fresh clone, and what a second one costs.

    python -m benchmarks.repro    # from the root; writes benchmarks/repro/results.json

Times are wall seconds, memory is the largest resident set of any one process of the run. The clone has an empty DVC
cache; that it ends in the recorded bytes (`git status` is clean) is part of the result.
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
    start = time.perf_counter()
    done = subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True)
    return round(time.perf_counter() - start, 1), done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "strata"
        subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
        cold, _ = timed(clone, "dvc", "repro")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # kB on Linux
        again = sorted(timed(clone, "dvc", "repro") for _ in range(5))
        changed = subprocess.run(
            ["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True
        )
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "cold_repro_s": cold,
        "peak_memory_gb": round(peak, 2),
        "second_repro_s_median_of_5": again[2][0],
        "second_repro_says": again[2][1].splitlines()[-1],
        "files_that_differ_from_the_recorded_run": changed.stdout.splitlines(),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
