"""The card of a model folder: README.md of one that was published, or the project's own."""

import re
from pathlib import Path

PUBLISHED, OWN = "README.md", "model_card.md"
INSIDE = "models/quantize"  # of a project: the model folder
_METADATA = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")


def card(folder: Path) -> str | None:
    """Return the Markdown of a model's card, without the Hub's metadata; None where there is none.

    Its pictures are left out: they may be on another machine, which a page of ours does not ask.
    """
    path = next((path for path in _places(folder.resolve()) if path.is_file()), None)
    if path is None:
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    return _PICTURE.sub(r"\1", _METADATA.sub("", text, count=1)).strip() or None


def _places(folder: Path) -> list[Path]:
    project = [folder.parents[1] / OWN] if folder.as_posix().endswith(f"/{INSIDE}") else []
    return [folder / PUBLISHED, *project]
