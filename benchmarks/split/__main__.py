"""Time and memory of the split stage on 573,913 long rows, compared with the random split of a typical notebook.

    python -m benchmarks.split    # from the root; writes benchmarks/split/results.json, takes ten minutes

Each row has 12 sentences drawn from real reviews. One row in twenty is a copy of an earlier one with one word changed.
Both sides run in turn, REPEATS times; memory is that of a process and its descendants.
"""

import json
import platform
import random
import re
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.ingest.generate import SOURCE, SPOILERS
from benchmarks.measure import median, run
from strata import address
from strata.base import files, tables
from strata.base.cores import cores

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
ROWS, REPEATS, SENTENCES, COPIES = 573_913, 3, 12, 0.05
STAGE = (
    "stages.split --params params.yaml --recipes recipes --data data/standardize --out data/split "
    "--metrics metrics/split.json --plots plots/split"
)
NAIVE = "benchmarks.split.naive data/standardize/train.parquet data/naive"


def generate(rows: int) -> pd.DataFrame:
    """Return rows with the columns of tables.ROWS."""
    reviews = pd.read_csv(address.locate(SOURCE))
    reviews = reviews.loc[reviews["source"] == "imdb", "text"]
    sentences = [sentence for review in reviews for sentence in re.split(r"(?<=[.!?]) ", review)]
    rng, texts = random.Random(0), []
    for _ in range(rows):
        if texts and rng.random() < COPIES:
            words = rng.choice(texts).split(" ")
            words[rng.randrange(len(words))] = "something"
            texts.append(" ".join(words))
        else:
            texts.append(" ".join(rng.choices(sentences, k=SENTENCES)))
    labels = [int(rng.random() < SPOILERS) for _ in range(rows)]
    return pd.DataFrame({"id": range(rows), "text": texts, "label": labels, "group": None, "annotation": None})


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("stages", "strata", "recipes", "benchmarks"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "params.yaml", folder)
        rows = generate(ROWS)
        table = folder / "data/standardize/train.parquet"
        tables.write_frame(table, rows)
        characters = float(rows["text"].str.len().mean())
        del rows
        files.write_json(table.parent / "labels.json", {"labels": ["no_spoiler", "spoiler"], "positive": "spoiler"})
        files.write_json(table.parent / "special_tokens.json", [])
        strata_runs, naive_runs = [], []
        for _ in range(REPEATS):
            strata_runs.append(run(folder, (STAGE,)))
            naive_runs.append(run(folder, (NAIVE,)))
        metrics = json.loads((folder / "metrics/split.json").read_text(encoding="utf-8"))
    results = {
        "cores": cores(),
        "machine": platform.machine(),
        "rows": ROWS,
        "characters_a_row": round(characters),
        "repeats": REPEATS,
        "strata": median(strata_runs),
        "naive": median(naive_runs),
        "copies": metrics["copies"],
        "across_splits": metrics["across_splits"],
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
