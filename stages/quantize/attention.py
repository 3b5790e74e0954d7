"""Attention that is exported as one operator, in place of the dozen small ones that compute it in PyTorch.

It is ONNX Runtime's own MultiHeadAttention, which all of its builds have, also those for browsers. ONNX's Attention
needs opset 23, which no ONNX Runtime before 1.24 loads. With GELU in one kernel (export.py), this has 0.99 times the
throughput (docs/lab-notes.md).
"""

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import bidirectional_mask_function, eager_mask

NAME = "onnx_attention"  # its name in transformers, like eager or sdpa
OPERATOR = "com.microsoft::MultiHeadAttention"


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_,
) -> tuple[torch.Tensor, None]:
    """Return a placeholder for attention while a model is exported; it computes nothing.

    query, key, value: (batch, heads, tokens, width); key and value may have fewer heads. attention_mask: from `mask`.
    Returns: (batch, tokens, heads, width), and None in place of the attention weights.
    """
    batch, heads, tokens, width = query.shape
    if key.shape[1] != heads:
        key, value = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (key, value))
    columns = [x.transpose(1, 2).reshape(batch, -1, heads * width) for x in (query, key, value)]
    attributes = {"num_heads": heads}
    if scaling is not None:
        attributes["scale"] = float(scaling)
    if attention_mask is None:
        masks = []
    elif attention_mask.dim() == 2:
        masks = [None, attention_mask]  # after the bias of the three projections, which they have already
    else:  # a number for every head, as ONNX Runtime before 1.20 wants it
        masks = [None, None, attention_mask.expand(-1, heads, -1, -1)]
    out = torch.onnx.ops.symbolic(
        OPERATOR,
        [*columns, *masks],
        attributes,
        dtype=query.dtype,
        shape=columns[0].shape,
        version=1,
    )
    return out.reshape(batch, tokens, heads, width), None


def mask(*args, mask_function=None, attention_mask: torch.Tensor | None = None, **options) -> torch.Tensor:
    """Return (batch, tokens) int32, 0 where there is padding; or, where more is hidden, numbers added to the scores.

    The latter, (batch, 1, tokens, tokens), are for layers that look at near tokens only.
    """
    if mask_function is bidirectional_mask_function and attention_mask is not None:
        return attention_mask.to(torch.int32)
    return eager_mask(*args, mask_function=mask_function, attention_mask=attention_mask, **options)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, mask)
