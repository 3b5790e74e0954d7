"""The token that pads rows to one length."""

from transformers import PretrainedConfig


def pad_token_id(config: PretrainedConfig) -> int:
    """Return the id of a model's padding token; without one 0, since the attention mask hides the padding anyway."""
    return 0 if config.pad_token_id is None else config.pad_token_id
