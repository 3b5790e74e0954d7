"""Supervised contrastive learning: embeddings of one label's texts move together, those of others apart.

As in SetFit (Tunstall et al., 2022), pairs of training rows are trained on with sentence-transformers' cosine loss.
Here the pairs are all those within a batch, so that a row is encoded once for many pairs.
"""

import numpy as np
import torch
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from transformers import PreTrainedModel

from stages.adapt.training import Result, train
from strata.model.batches import padded
from strata.model.tokens import TokenizedRows
from strata.settings.params import Adapt


def batches(label: np.ndarray, batch_size: int, epochs: int, seed: int) -> list[np.ndarray]:
    """Return the positions of the rows of each batch, (rows,) int, of all epochs. label: (rows,) int.

    Every row is in each epoch once, next to another row of its label, so that each batch has rows to bring together,
    however rare their label. The odd row of a label stands with one that the epoch has already; the only row of a label
    stands alone.
    """
    random = np.random.default_rng(seed)
    planned = []
    for _ in range(epochs):
        pairs = []
        for value in np.unique(label):
            rows = random.permutation(np.flatnonzero(label == value))
            if len(rows) % 2 and len(rows) > 1:
                rows = np.append(rows, rows[0])
            pairs += np.split(rows, range(2, len(rows), 2))
        order = random.permutation(len(pairs))
        size = max(1, batch_size // 2)
        planned += [np.concatenate([pairs[i] for i in order[at : at + size]]) for at in range(0, len(order), size)]
    return planned


class ContrastiveLoss(torch.nn.Module):
    """An encoder whose output is the loss of a batch: what the Trainer takes.

    The pairs of one label, whose embeddings should have cosine similarity 1, and the others, which should have 0, weigh
    the same in all, as by SetFit's oversampling of pairs.
    """

    def __init__(self, encoder: PreTrainedModel):
        super().__init__()
        self.encoder, self.of_pairs = encoder, CosineSimilarityLoss(encoder).compute_loss_from_embeddings

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, label: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask: (rows, tokens). label: (rows,)."""
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0].float()
        weight = attention_mask.unsqueeze(-1)
        embeddings = (tokens * weight).sum(dim=1) / weight.sum(dim=1)
        first, second = torch.triu_indices(len(label), len(label), offset=1, device=label.device)
        is_same = label[first] == label[second]
        losses = [
            self.of_pairs([embeddings[first[kind]], embeddings[second[kind]]], is_same[kind].float())
            for kind in (is_same, ~is_same)
            if kind.any()
        ]
        # a batch of one row has no pair, and teaches nothing
        return {"loss": torch.stack(losses).mean() if losses else 0.0 * embeddings.sum()}


def adapt(complete: PreTrainedModel, rows: TokenizedRows, settings: Adapt, seed: int) -> Result:
    """Train the encoder of a checkpoint in place. rows: the training rows, each once.

    Raises: StrataError when the loss becomes NaN or infinite.
    """
    pad_id = complete.config.pad_token_id or 0

    def batch_of(planned: list[dict]) -> dict[str, torch.Tensor]:
        (positions,) = (entry["rows"] for entry in planned)
        ids, mask = padded([rows.input_ids[i] for i in positions], pad_id)
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "label": torch.from_numpy(rows.label[positions]),
        }

    planned = batches(rows.label, settings.batch_size, settings.epochs, seed)
    return train(
        ContrastiveLoss(complete.base_model),
        [{"rows": positions} for positions in planned],
        batch_of,
        settings,
        seed,
        num_train_epochs=1,  # the plan has all of them, a batch an entry
        per_device_train_batch_size=1,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
    )
