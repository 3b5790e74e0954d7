"""Find a pretrained model: inside an installed package, in a folder, or on the Hugging Face Hub."""

import hashlib
import re
from pathlib import Path

from strata import address
from strata.base.errors import StrataError

FORMS = "use a folder written by save_pretrained, package://NAME@VERSION/FOLDER, or a hub name"


def locate(name: str, revision: str | None, sha256: str | None) -> Path:
    """Return the folder to load a checkpoint from. Its weights must have the SHA-256, if one is given.

    name, revision, sha256: of params.yaml's section model.
    Raises: StrataError when the checkpoint is not found, contains no model, or has other weights.
    """
    if name.startswith(address.SCHEME):
        folder = address.locate(name)
    elif Path(name).is_dir():
        folder = Path(name)
    elif re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", name):
        folder = _download(name, revision)
    else:
        raise StrataError(f"model.checkpoint {name}: no such folder; {FORMS}")
    if not (folder / "config.json").is_file():
        raise StrataError(f"model.checkpoint {name}: no config.json in that folder; {FORMS}")
    if sha256 is not None:
        _check_sha256(name, folder / "model.safetensors", sha256)
    return folder


def _check_sha256(name: str, weights: Path, expected: str) -> None:
    if not weights.is_file():
        raise StrataError(f"model.checkpoint {name}: no model.safetensors to compare with model.sha256; set it to null")
    with weights.open("rb") as content:
        actual = hashlib.file_digest(content, "sha256").hexdigest()
    if actual != expected:
        raise StrataError(
            f"model.checkpoint {name}: the SHA-256 of model.safetensors is {actual}, but model.sha256 is {expected}; "
            "if you trust the file, put its SHA-256 into model.sha256"
        )


def _download(name: str, revision: str | None) -> Path:
    """Return the folder of a revision in the Hub's cache; download it if it is not there."""
    # takes a second to import, and only hub names need it
    from huggingface_hub import snapshot_download

    if revision is None:
        raise StrataError(
            f"model.checkpoint {name}: no such folder; if it is a hub name, set model.revision to a commit, so that "
            "the run repeats"
        )
    try:
        files = ["*.json", "*.txt", "*.model", "*.safetensors"]
        return Path(snapshot_download(name, revision=revision, allow_patterns=files))
    except Exception as error:  # the client raises its own errors, those of its HTTP library and of the file system
        raise StrataError(
            f"model.checkpoint {name}: no such folder, and not found on the Hub at revision {revision} "
            f"({type(error).__name__}); {FORMS}"
        ) from None
