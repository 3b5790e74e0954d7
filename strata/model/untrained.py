"""A note for adapt and train that nothing is to be trained: tokenize leaves it with the training rows of TF-IDF.

So they need not depend on model.kind themselves: a change from transformer to stack trains nothing again.
"""

from pathlib import Path

from strata.base import files

NAME = "untrained.json"
WORDS = "model.kind is tfidf: nothing to train"


def write(folder: Path) -> None:
    """Leave the note in a folder that is there."""
    files.write_json(folder / NAME, {"why": WORDS})


def is_noted(folder: Path) -> bool:
    """Return whether the note is in a folder."""
    return (folder / NAME).is_file()
