"""Token ids of texts, computed once: how many of them a row keeps is decided afterwards."""

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from strata.base.errors import StrataError


class Encoder:
    """A tokenizer. special: how many tokens it adds around a text, such as [CLS] and [SEP].

    Raises: StrataError when it makes no token of any text.
    """

    def __init__(self, tokenizer: Tokenizer):
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.special = tokenizer.num_special_tokens_to_add(False)
        self._before, self._after = self._around()

    def bodies(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the token ids of each text, all of them, without those around it: (tokens,) int32 each."""
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]

    def row(self, body: np.ndarray, max_length: int) -> np.ndarray:
        """Return what the model reads: the first tokens of a body with those around it, at most max_length."""
        return np.concatenate([self._before, body[: max_length - self.special], self._after])

    def _around(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens before and after every text, found by a text of one token or a few."""
        for text in ("a", *sorted(self._tokenizer.get_vocab())):
            body = self._tokenizer.encode(text, add_special_tokens=False).ids
            if body:
                whole = self._tokenizer.encode(text).ids
                start = next(i for i in range(self.special + 1) if whole[i : i + len(body)] == body)
                around = whole[:start], whole[start + len(body) :]
                return tuple(np.array(ids, dtype=np.int32) for ids in around)
        raise StrataError("model.checkpoint: its tokenizer makes no token of any text; choose another")
