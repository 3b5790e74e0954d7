"""Load a pretrained model and what belongs to it, whatever its labels; what is broken is told with its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from strata.base.errors import StrataError
from strata.model.weights import REMEDY, check_files, check_loaded, first_line


def load_config(folder: Path, key: str = "model.checkpoint") -> PretrainedConfig:
    """Read a checkpoint's config.json. key: the setting that names the folder. Raises: StrataError."""
    with _explained(f"{key} {folder / 'config.json'}: not a usable configuration"):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def load_tokenizer(folder: Path, key: str = "model.checkpoint") -> PreTrainedTokenizerBase:
    """Read a checkpoint's tokenizer, the fast one where there is one. Raises: StrataError."""
    with _explained(f"{key} {folder}: its tokenizer cannot be loaded"):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def load_model(
    kind: type, folder: Path, key: str = "model.checkpoint", seed: int = 0, remedy: str = REMEDY, **options: Any
) -> PreTrainedModel:
    """Load a model in fp32, all of its weights its own, but for a new head, which `seed` draws.

    kind: a class of transformers. remedy: what to do where it is broken. options: of its from_pretrained.
    Raises: StrataError when files, configuration or weights are broken, or do not belong together.
    """
    check_files(folder, key, remedy)
    with _explained(f"{key} {folder}: cannot be loaded by its config.json", remedy):
        set_seed(seed)
        model, info = kind.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told by name
            **options,
        )
        state = torch.get_rng_state()
        check_loaded(model, info, folder, key, remedy)
        torch.set_rng_state(state)
    return model


@contextmanager
def _explained(what: str, remedy: str = REMEDY) -> Iterator[None]:
    """Replace any library's error in the block by one that begins with `what`. Raises: StrataError."""
    try:
        yield
    except (StrataError, MemoryError):
        raise
    except Exception as error:  # a wrong value in a file can raise anything
        raise StrataError(f"{what} ({first_line(error)}); {remedy}") from None


def is_classifier(config: PretrainedConfig) -> bool:
    """Whether a checkpoint has a classification head."""
    return any(name.endswith("ForSequenceClassification") for name in config.architectures or [])


def add_missing_embeddings(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Enlarge the embedding table if the tokenizer has more tokens; their embeddings are drawn at random."""
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
