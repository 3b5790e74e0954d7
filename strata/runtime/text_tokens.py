"""Token ids of texts, by a folder's tokenizer.json. A long text is cut before it is tokenized, with the same ids.

Tokenizing takes about a hundred bytes of memory for each character, and the model reads only the first tokens. Where it
reads the end as well, long texts are tokenized whole, a few at a time.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Encoding, Tokenizer

from strata.base.errors import StrataError
from strata.runtime.model_config import read_window
from strata.text.encoder import Encoder
from strata.text.windows import HEAD, HEAD_TAIL, Window

MOST_CHARACTERS = 1_000_000  # of a text that are read; the rest is ignored
FIRST_CHARACTERS = 16  # a token, of the first attempt; words have fewer
MARGIN = 16  # words at the end of a cut text that the characters after them may change


class TextTokens:
    """The tokenizer of a model folder. config: config.json, which says what is read of a longer text; None: the head.

    Raises: StrataError when a file is broken, or does not say how many tokens a text is cut to.
    """

    def __init__(self, path: Path, config: Path | None = None):
        self.path = path
        try:
            self.tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library has no error class of its own
            raise StrataError(
                f"{path}: not a readable tokenizer ({_first_line(error)}); take the folder from one run"
            ) from None
        truncation = self.tokenizer.truncation
        if truncation is None or truncation["direction"] != "right":
            raise StrataError(f"{path}: does not say to how many tokens it cuts a text; take the folder from one run")
        self.max_length = truncation["max_length"]
        self.window = read_window(config, self.max_length) if config else Window(self.max_length)
        self.tokenizer.no_padding()
        self.ids([""])  # a broken one is reported now

    @property
    def size(self) -> int:
        """The number of tokens in the vocabulary."""
        return self.tokenizer.get_vocab_size()

    @cached_property
    def added(self) -> set[str]:
        """The special tokens, among them those that a recipe's annotations brought."""
        return {token.content for token in self.tokenizer.get_added_tokens_decoder().values()}

    def ids(self, texts: Sequence[str]) -> list[list[int]] | list[np.ndarray]:
        """Return the token ids that the model reads of each text: (tokens,), or (windows, tokens) of several windows.

        Raises: StrataError when the tokenizer fails.
        """
        try:
            if self.window.kind != HEAD:
                parts = _parts([self.cut(text) for text in texts])
                bodies = (body for part in parts for body in self._encoder.bodies(part))
                return [self._encoder.document(body, self.window) for body in bodies]
            return [encoding.ids for encoding in self.tokenizer.encode_batch_fast([self.cut(text) for text in texts])]
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # a panic in the library is no Exception
            raise StrataError(
                f"{self.path}: cannot tokenize ({_first_line(error)}); its pattern or vocabulary is broken: take the "
                "folder from one run"
            ) from None

    def encoding(self, text: str) -> Encoding:
        """Return a text's tokens with the characters that each stands for. Raises: as `ids`.

        Where more than the head is read, they are those of the whole text, without those around it.
        """
        self.ids([text])  # which tells what is wrong
        if self.window.kind == HEAD:
            return self.tokenizer.encode(self.cut(text))
        return self._encoder.encoding(self.cut(text))

    def reading(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the tokens that the model reads of a text, each once, and the characters that each stands for.

        The tokens around it are included, once, too; they stand for none. Raises: as `ids`.
        """
        encoding = self.encoding(text)
        if self.window.kind == HEAD:
            return encoding.ids, encoding.offsets
        encoder = self._encoder
        positions = np.unique(self.window.positions(len(encoding.ids), encoder.special)).tolist()
        ids = encoder.around(np.array([encoding.ids[i] for i in positions], dtype=np.int32)).tolist()
        before, after = ([(0, 0)] * len(tokens) for tokens in (encoder.before, encoder.after))
        return ids, [*before, *(encoding.offsets[i] for i in positions), *after]

    def in_windows(self, ids: list[int]) -> list[int] | np.ndarray:
        """Return tokens of `reading`, of which some may be left out, as `ids` does."""
        if self.window.kind == HEAD:
            return ids
        encoder = self._encoder
        body = np.array(ids[len(encoder.before) : len(ids) - len(encoder.after)], dtype=np.int32)
        return encoder.document(body, self.window)

    def cut(self, text: str) -> str:
        """Return the start of a text that has the same tokens, as far as they are read, as the whole text.

        A word's tokens depend on that word alone, and where words end can depend on a few characters after them. So
        what comes after the tokens that are read and MARGIN more words cannot change them. Of a text with fewer words,
        and of one whose end is read, MOST_CHARACTERS are kept.
        """
        if self.window.kind == HEAD_TAIL:
            return text[:MOST_CHARACTERS]
        size = self._longest * FIRST_CHARACTERS
        while size < min(len(text), MOST_CHARACTERS):
            if self._is_enough(self._whole.encode(text[:size])):
                return text[:size]
            size *= 4
        return text[:MOST_CHARACTERS]

    def _is_enough(self, encoding: Encoding) -> bool:
        words = [word for word in encoding.word_ids if word is not None]
        return bool(words) and sum(word < words[-1] - MARGIN for word in words) >= self._longest

    @cached_property
    def _longest(self) -> int:
        """The tokens of a text that is read whole."""
        return self.max_length if self.window.kind == HEAD else self.window.longest(self._encoder.special)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self._whole)

    @cached_property
    def _whole(self) -> Tokenizer:
        """The tokenizer without truncation; a copy, since another thread may use the first one."""
        whole = Tokenizer.from_str(self.tokenizer.to_str())
        whole.no_truncation()
        return whole


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield a few texts at a time: MOST_CHARACTERS together, or one."""
    part, size = [], 0
    for text in texts:
        if part and size + len(text) > MOST_CHARACTERS:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part
