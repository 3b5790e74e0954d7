"""Faster dropout on a CPU: PyTorch's Bernoulli numbers took a sixth of a training step.

A mask uses 16 random bits per number, so a probability is exact to 1/65,536: 0.1 is 0.10001.
"""

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

ATTENTION = "fast_dropout"


def mask(shape: torch.Size, p: float, dtype: torch.dtype) -> torch.Tensor:
    """Draw a mask from PyTorch's generator: 0 with probability p, else 1 / (1 - p)."""
    n = shape.numel()
    bits = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:n]
    return (bits >= round(p * 2**16) - 2**15).view(shape).to(dtype).mul_(1 / (1 - p))


class Dropout(nn.Module):
    """`nn.Dropout` with `mask`."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * mask(x.shape, self.p, x.dtype) if self.training and self.p else x


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_,
) -> tuple[torch.Tensor, None]:
    """Attend as the functions in transformers do. query, key, value: (rows, heads, tokens, head size).

    attention_mask: (rows, 1, tokens, tokens), added to the scores. Returns: (rows, tokens, heads, head size).
    """
    if not module.training:  # no dropout, so PyTorch's own kernel can be used, which needs less memory
        attended = scaled_dot_product_attention(query, key, value, attention_mask, scale=scaling)
        return attended.transpose(1, 2).contiguous(), None
    scores = torch.matmul(query * (query.shape[-1] ** -0.5 if scaling is None else scaling), key.transpose(2, 3))
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(dim=-1)
    if dropout:
        weights = weights * mask(weights.shape, dropout, weights.dtype)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, attention)
AttentionMaskInterface.register(ATTENTION, eager_mask)


def speed_up(model: PreTrainedModel) -> None:
    """Replace every dropout of a model on a CPU, and its attention where the architecture supports that.

    An attention that transformers cannot replace, or whose queries share keys, keeps PyTorch's slower dropout.
    """
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p).train(child.training))
    heads = getattr(model.config, "num_attention_heads", None)
    shares_keys = getattr(model.config, "num_key_value_heads", heads) != heads
    if getattr(model, "_supports_attention_backend", False) and not shares_keys:
        model.set_attn_implementation(ATTENTION)
