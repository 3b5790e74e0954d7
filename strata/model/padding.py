"""The token that pads rows to one length."""

from transformers import PretrainedConfig

from strata.base.errors import StrataError


def pad_token_id(config: PretrainedConfig) -> int:
    """Return a model's id of the padding token. Raises: StrataError when its configuration has none."""
    if config.pad_token_id is None:
        raise StrataError(
            f"model.checkpoint {config.name_or_path or config.model_type}: its config.json has no pad_token_id, so "
            "that rows cannot be padded to one length; add it, or choose another checkpoint"
        )
    return config.pad_token_id
