"""Fast bf16 training on a CPU: activations stay in bf16, and linear layers hold bf16 copies of their weights."""

import torch
from torch import nn


def keep_activations_in_bf16(model: nn.Module) -> None:
    """Convert the output of the embeddings to bf16, so that the layers convert nothing between matrix products.

    This is for autocast on a CPU, where additions and norms compute in the type of their inputs. A model without a
    module named embeddings trains as well, but slower.
    """
    for name, module in model.named_modules():
        if name.split(".")[-1] == "embeddings":
            module.register_forward_hook(lambda module, inputs, output: output.to(torch.bfloat16))


def copy_linear_weights(model: nn.Module) -> dict[str, tuple[nn.Parameter, torch.Tensor]]:
    """Convert the model's linear weights to bf16, except those shared with embeddings.

    Returns: by name, the model's parameter, now in bf16, and the original fp32 weight.
    """
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    linear = {id(p) for m in model.modules() if isinstance(m, nn.Linear) for p in m.parameters(recurse=False)}
    copies = {}
    for name, parameter in model.named_parameters():
        if id(parameter) in linear - embeddings:
            original = parameter.detach().clone().requires_grad_(parameter.requires_grad)
            parameter.data = parameter.data.to(torch.bfloat16)
            copies[name] = (parameter, original)
    return copies
