"""Where a pretrained model is: inside an installed package, in a folder, or on the Hugging Face Hub."""

import hashlib
import re
from pathlib import Path

from strata import address
from strata.base.errors import StrataError
from strata.settings.params import Model

FORMS = "name a folder that save_pretrained wrote, package://NAME@VERSION/FOLDER, or a hub name"


def locate(model: Model) -> Path:
    """Return the folder to load a checkpoint from, its weights compared with the SHA-256 in params.yaml.

    Raises: StrataError when the checkpoint is not found, holds no model, or holds other weights.
    """
    name = model.checkpoint
    if name.startswith(address.SCHEME):
        folder = address.locate(name)
    elif Path(name).is_dir():
        folder = Path(name)
    elif re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", name):
        folder = _download(name, model.revision)
    else:
        raise StrataError(f"model.checkpoint {name}: no such folder; {FORMS}")
    if not (folder / "config.json").is_file():
        raise StrataError(f"model.checkpoint {name}: no config.json in that folder; {FORMS}")
    weights = folder / "model.safetensors"
    if model.sha256 is not None:
        if not weights.is_file():
            raise StrataError(
                f"model.checkpoint {name}: no model.safetensors to compare with model.sha256; set it to null"
            )
        with weights.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != model.sha256:
            raise StrataError(
                f"model.checkpoint {name}: the SHA-256 of model.safetensors is {found}, model.sha256 says "
                f"{model.sha256}; if you trust the file, set model.sha256 to what was found"
            )
    return folder


def _download(name: str, revision: str | None) -> Path:
    """Fetch a pinned revision into the Hub's cache, or find it there."""
    # only a hub name needs this import, which costs a second
    from huggingface_hub import snapshot_download

    if revision is None:
        raise StrataError(
            f"model.checkpoint {name}: no such folder, and a hub name needs model.revision, a commit, to repeat"
        )
    try:
        files = ["*.json", "*.txt", "*.model", "*.safetensors"]
        return Path(snapshot_download(name, revision=revision, allow_patterns=files))
    except Exception as error:  # the Hub's client raises its own, requests' and the file system's errors
        raise StrataError(
            f"model.checkpoint {name}: not a folder, and not to be had from the Hub at revision {revision} "
            f"({type(error).__name__}); {FORMS}"
        ) from None
