"""The work of ingest and standardize with recipes/imdb_spoilers.yaml, as a typical notebook does it in pandas.

python -m benchmarks.ingest.notebook FILE OUT
"""

import html
import sys

import pandas as pd


def main(source: str, target: str) -> None:
    rows = pd.read_json(source, lines=True)
    rows.to_parquet(f"{target}.raw")
    text = rows["review_summary"].fillna("") + " " + rows["review_text"].fillna("")
    text = text.str.replace(r"<[^>]+>", " ", regex=True).map(html.unescape)
    text = text.str.replace(r"\s+", " ", regex=True).str.strip()
    table = pd.DataFrame({"text": text, "label": rows["is_spoiler"].astype(int), "group": rows["movie_id"]})
    table = table[table["text"].str.split().str.len() >= 1]
    table.to_parquet(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
