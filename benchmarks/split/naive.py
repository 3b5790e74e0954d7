"""The split of a typical notebook: random, stratified by label, regardless of copies and groups.

python -m benchmarks.split.naive data/standardize/train.parquet FOLDER
"""

import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

if __name__ == "__main__":
    path, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    rows = pd.read_parquet(path)
    rest, test = train_test_split(rows, test_size=0.2, stratify=rows["label"], random_state=42)
    train, validation = train_test_split(rest, test_size=0.125, stratify=rest["label"], random_state=42)
    for name, part in {"train": train, "validation": validation, "test": test}.items():
        part.to_parquet(folder / f"{name}.parquet", index=False)
