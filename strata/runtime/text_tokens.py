"""Token ids of texts, by a folder's tokenizer.json. A long text is cut before it is tokenized, with the same ids.

Tokenizing takes about a hundred bytes of memory for each character, and the model reads only the first tokens.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from strata.base.errors import StrataError

MOST_CHARACTERS = 1_000_000  # of a text that are read; the rest is ignored
FIRST_CHARACTERS = 16  # a token, of the first attempt; words have fewer
MARGIN = 16  # words at the end of a cut text that the characters after them may change


class TextTokens:
    """The tokenizer of a model folder.

    Raises: StrataError when the file is broken, or does not say how many tokens a text is cut to.
    """

    def __init__(self, path: Path):
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

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, cut to max_length. Raises: StrataError when the tokenizer fails."""
        try:
            return [encoding.ids for encoding in self.tokenizer.encode_batch_fast([self.cut(text) for text in texts])]
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # a panic in the library is no Exception
            raise StrataError(
                f"{self.path}: cannot tokenize ({_first_line(error)}); its pattern or vocabulary is broken: take the "
                "folder from one run"
            ) from None

    def encoding(self, text: str) -> Encoding:
        """Return a text's tokens with the characters that each stands for. Raises: as `ids`."""
        self.ids([text])  # which tells what is wrong
        return self.tokenizer.encode(self.cut(text))

    def cut(self, text: str) -> str:
        """Return the start of a text that has the same first max_length tokens as the whole text.

        A word's tokens depend on that word alone, and where words end can depend on a few characters after them. So
        what comes after the first max_length tokens and MARGIN more words cannot change them. Of a text with
        fewer words, MOST_CHARACTERS are kept.
        """
        size = self.max_length * FIRST_CHARACTERS
        while size < min(len(text), MOST_CHARACTERS):
            if self._is_enough(self._whole.encode(text[:size])):
                return text[:size]
            size *= 4
        return text[:MOST_CHARACTERS]

    def _is_enough(self, encoding: Encoding) -> bool:
        words = [word for word in encoding.word_ids if word is not None]
        return bool(words) and sum(word < words[-1] - MARGIN for word in words) >= self.max_length

    @cached_property
    def _whole(self) -> Tokenizer:
        """The tokenizer without truncation; a copy, since another thread may use the first one."""
        whole = Tokenizer.from_str(self.tokenizer.to_str())
        whole.no_truncation()
        return whole


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
