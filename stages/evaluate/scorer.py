"""A model as it scores rows: token ids or texts in, logits out, in fp32."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from stages.evaluate.influence import influential_words
from strata.model import batches
from strata.model.padding import pad_token_id
from strata.model.pretrained import load_model
from strata.text.encoder import Encoder
from strata.text.windows import saved_window

BLOCK = 1000  # texts whose tokens are in memory at once
REMEDY = "restore it: dvc checkout --force, or train again"


class Scorer:
    """A classifier and its tokenizer, which knows which tokens of a text are read."""

    def __init__(self, model: PreTrainedModel, tokenizer_folder: Path, batch_size: int):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, trust_remote_code=False)
        self.encoder, self.window = Encoder(self.tokenizer.backend_tokenizer), saved_window(tokenizer_folder)
        self.batch_size = batch_size

    def logits(self, input_ids: list[np.ndarray]) -> np.ndarray:
        """Return the logits: (rows, labels) float64. input_ids: token ids of each row, in its windows."""

        @torch.inference_mode()
        def logits_of(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            ids, mask = (torch.from_numpy(array).to(self.device) for array in (ids, mask))
            return self.model(input_ids=ids, attention_mask=mask).logits.cpu().numpy()

        return batches.logits(input_ids, logits_of, self.batch_size, pad_token_id(self.model.config))

    def token_ids(self, texts: list[str]) -> list[np.ndarray]:
        """Return the token ids of each text, cut by the window."""
        return [self.encoder.document(body, self.window) for body in self.encoder.bodies(texts)]

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Return the logits of texts: (rows, labels) float64."""
        return self.logits(self.token_ids(texts))

    def truncated(self, texts: list[str]) -> np.ndarray:
        """Return which texts are longer than what is read of them: (rows,) bool."""
        most = self.window.longest(self.encoder.special) - self.encoder.special
        blocks = (texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK))
        return np.array([len(body) > most for block in blocks for body in self.encoder.bodies(block)], dtype=bool)

    def words(self, texts: list[str], predicted: np.ndarray, truth: np.ndarray) -> list[list[tuple[str, float]]]:
        """Return what contributed most to wrong predictions: see `influential_words`."""
        return influential_words(self.model, self.tokenizer, texts, predicted, truth, self.window)


def load(folder: Path) -> PreTrainedModel:
    """Load the model that train saved, in fp32."""
    return load_model(AutoModelForSequenceClassification, folder, "the model", remedy=REMEDY)
