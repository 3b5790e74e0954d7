"""Token ids of texts, computed once: which of them the model reads is decided afterwards."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from strata.base.errors import StrataError
from strata.text.windows import Window

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


class Encoder:
    """A tokenizer. special: how many tokens it adds around a text, such as [CLS] and [SEP]; before, after: which.

    Raises: StrataError when it makes no token of any text.
    """

    def __init__(self, tokenizer: "Tokenizer"):
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.special = tokenizer.num_special_tokens_to_add(False)
        self.before, self.after = self._around()

    def bodies(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the token ids of each text, all of them, without those around it: (tokens,) int32 each."""
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]

    def encoding(self, text: str) -> "Encoding":
        """Return a text's tokens, all of them, with the characters that each stands for, without those around it."""
        return self._tokenizer.encode(text, add_special_tokens=False)

    def document(self, body: np.ndarray, window: Window) -> np.ndarray:
        """Return what the model reads of a body: (tokens,) int or, of several windows, (windows, tokens)."""
        windows = [self.around(body[positions]) for positions in window.positions(len(body), self.special)]
        return windows[0] if len(windows) == 1 else np.stack(windows)

    def around(self, ids: np.ndarray) -> np.ndarray:
        """Return token ids with those that stand around every text."""
        return np.concatenate([self.before, ids, self.after])

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
