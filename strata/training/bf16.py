"""Fast bf16 training on a CPU: activations stay in bf16 between the matrix products."""

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
