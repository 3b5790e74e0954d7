"""Supervised contrastive learning: embeddings of one label's texts move together, those of others apart.

As in SetFit (Tunstall et al., 2022), pairs of training rows are trained on with sentence-transformers' cosine loss.
Here the pairs are all those within a batch, so that a row is encoded once for many pairs.
"""

import numpy as np
import torch
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from transformers import PreTrainedModel

from stages.adapt.adaptation import Result, run_of, take_all
from strata.model.batches import padded
from strata.model.tokens import TokenizedRows
from strata.settings.params import Params
from strata.training.run import Run
from strata.training.snapshot import Snapshots


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
    """An encoder whose output is the loss of a batch.

    The pairs of one label, whose embeddings should have cosine similarity 1, and the others, which should have 0, weigh
    the same in all, as by SetFit's oversampling of pairs.
    """

    def __init__(self, encoder: PreTrainedModel):
        super().__init__()
        self.encoder, self.of_pairs = encoder, CosineSimilarityLoss(encoder).compute_loss_from_embeddings

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
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
        return torch.stack(losses).mean() if losses else 0.0 * embeddings.sum()


def adapt(
    complete: PreTrainedModel, rows: TokenizedRows, settings: Params, precision: str, snapshots: Snapshots
) -> Result:
    """Train the encoder of a checkpoint in place. rows: the training rows, each once.

    Each batch is its own step, since pairs never span batches. Raises: as `take_all`.
    """
    encoder = complete.base_model
    pad_id = encoder.config.pad_token_id or 0

    def loss(run: Run, positions: np.ndarray, _: int) -> torch.Tensor:
        ids, mask = padded([rows.input_ids[i] for i in positions], pad_id)
        batch = {"input_ids": ids, "attention_mask": mask, "label": rows.label[positions]}
        return run.outputs(run.network, **{name: torch.from_numpy(values) for name, values in batch.items()})

    run = run_of(ContrastiveLoss(encoder), rows.input_ids, loss, precision)
    planned = batches(rows.label, settings.adapt.batch_size, settings.adapt.epochs, settings.seed)
    return take_all(run, [[batch] for batch in planned], settings.adapt, settings.seed, snapshots)
