"""What the parts of this benchmark share: where they are, and the texts that clients send."""

import random
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHORTEST, LONGEST = 10, 400  # words
WORDS = ("a", "warm", "funny", "film", "that", "drags", "at", "the", "end", "but", "never", "finds", "its", "way")


def texts(count: int, seed: int = 0) -> list[str]:
    """Return texts of SHORTEST to LONGEST words; short ones are as frequent as long ones on a logarithmic scale."""
    rng = random.Random(seed)
    lengths = [round(SHORTEST * (LONGEST / SHORTEST) ** rng.random()) for _ in range(count)]
    return [" ".join(rng.choices(WORDS, k=length)) for length in lengths]
