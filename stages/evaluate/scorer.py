"""A model as it scores rows: token ids or texts in, logits out, in fp32."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from stages.evaluate.influence import influential_words
from strata.model import batches
from strata.model.padding import pad_token_id
from strata.model.pretrained import load_model

REMEDY = "restore it: dvc checkout --force, or train again"


class Scorer:
    """A classifier and its tokenizer, which knows how many tokens a text is cut to."""

    def __init__(self, model: PreTrainedModel, tokenizer_folder: Path, batch_size: int):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, trust_remote_code=False)
        self.batch_size, self.max_length = batch_size, self.tokenizer.model_max_length

    def logits(self, input_ids: list[np.ndarray]) -> np.ndarray:
        """Return the logits: (rows, labels) float64. input_ids: token ids of each row."""

        @torch.inference_mode()
        def logits_of(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            ids, mask = (torch.from_numpy(array).to(self.device) for array in (ids, mask))
            return self.model(input_ids=ids, attention_mask=mask).logits.cpu().numpy()

        return batches.logits(input_ids, logits_of, self.batch_size, pad_token_id(self.model.config))

    def token_ids(self, texts: list[str]) -> list[np.ndarray]:
        """Return the token ids of each text, cut to max_length."""
        encoding = self.tokenizer(texts, truncation=True, max_length=self.max_length)
        return [np.array(ids) for ids in encoding["input_ids"]]

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Return the logits of texts: (rows, labels) float64."""
        return self.logits(self.token_ids(texts))

    def truncated(self, texts: list[str]) -> np.ndarray:
        """Return which texts are cut: (rows,) bool."""
        return self.lengths(texts) > self.max_length

    def words(self, texts: list[str], predicted: np.ndarray, truth: np.ndarray) -> list[list[tuple[str, float]]]:
        """Return what contributed most to wrong predictions: see `influential_words`."""
        return influential_words(self.model, self.tokenizer, texts, predicted, truth, self.max_length)

    def lengths(self, texts: list[str]) -> np.ndarray:
        """Return the number of tokens of each text before truncation: (rows,) int."""
        encoder = self.tokenizer.backend_tokenizer
        encoder.no_truncation()
        encoder.no_padding()
        return np.array([len(encoding.ids) for encoding in encoder.encode_batch_fast(texts)])


def load(folder: Path) -> PreTrainedModel:
    """Load the model that train saved, in fp32."""
    return load_model(AutoModelForSequenceClassification, folder, "the model", remedy=REMEDY)
