"""What several stages ask of a pretrained model, whatever its labels."""

from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


def is_classifier(config: PretrainedConfig) -> bool:
    """Whether a checkpoint has a classification head."""
    return any(name.endswith("ForSequenceClassification") for name in config.architectures or [])


def add_missing_embeddings(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Enlarge the embedding table if the tokenizer has more tokens; their embeddings are drawn at random."""
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
