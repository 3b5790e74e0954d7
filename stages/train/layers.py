"""The layers of an encoder, and how much of the learning rate each of them has (train.layer_decay)."""

import itertools

from torch import nn
from transformers import PreTrainedModel

from strata.base.errors import StrataError


def encoder_layers(model: PreTrainedModel, setting: str, off: str) -> nn.ModuleList:
    """Return the encoder's layers. setting: of train, that needs them, for the error. off: its value that does not.

    Raises: StrataError when not exactly one list has as many as the config says.
    """
    count = model.config.num_hidden_layers
    lists = [m for m in model.base_model.modules() if isinstance(m, nn.ModuleList) and len(m) == count]
    if len(lists) != 1:
        raise StrataError(
            f"train.{setting}: cannot tell which modules of a {model.config.model_type} are its {count} layers; "
            f"set it to {off}, or choose another checkpoint, such as a BERT or RoBERTa"
        )
    return lists[0]


def learning_rate_shares(model: PreTrainedModel, decay: float) -> dict[str, float]:
    """Return each parameter's share of the learning rate, by name: 1 on top of the layers, and less below.

    The last layer has `decay`, the one before it decay squared, and so on; the embeddings, and all else before the
    first layer, have the next power (Howard and Ruder, 2018, "discriminative fine-tuning"; as in BEiT's code, the head
    alone has the whole rate). LoRA's matrices have the share of the layer that they are in.
    Raises: StrataError when decay is below 1 and the layers are not in one list.
    """
    names = {name: 1.0 for name, _ in model.named_parameters()}
    if decay == 1:
        return names
    transformer = model.get_base_model() if hasattr(model, "get_base_model") else model  # without peft's wrapper
    layers = encoder_layers(transformer, "layer_decay", off="1")
    lowest = decay ** (len(layers) + 1)
    shares = {
        id(parameter): decay ** (len(layers) - i) for i, layer in enumerate(layers) for parameter in layer.parameters()
    }
    before = itertools.takewhile(lambda parameter: id(parameter) not in shares, transformer.base_model.parameters())
    embeddings = [m for m in transformer.base_model.modules() if isinstance(m, nn.Embedding)]
    shares |= {id(parameter): lowest for parameter in [*before, *(p for m in embeddings for p in m.parameters())]}
    return {name: shares.get(id(parameter), 1.0) for name, parameter in model.named_parameters()}
