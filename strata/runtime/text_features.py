"""What TF-IDF, or a stack of it and a transformer, takes of texts: in the place of `TextTokens`."""

from collections.abc import Sequence
from pathlib import Path

from strata.runtime.feeds import Both
from strata.runtime.text_tokens import MOST_CHARACTERS, TextTokens
from strata.tfidf.ngrams import Features, Reader, read_vocabulary


class TextFeatures:
    """TF-IDF's features of texts. path: of vocabulary.json, which raises StrataError where it is broken."""

    def __init__(self, path: Path):
        self.reader = Reader(read_vocabulary(path))

    @property
    def added(self) -> frozenset[str]:
        """The special tokens that a recipe's annotations brought."""
        return self.reader.vocabulary.added

    def ids(self, texts: Sequence[str]) -> list[Features]:
        """Return the features of each text."""
        return [self.reader.features(text[:MOST_CHARACTERS]) for text in texts]


class TextBoth:
    """Token ids and features of texts."""

    def __init__(self, tokens: TextTokens, features: TextFeatures):
        self.tokens, self.features = tokens, features
        self.size, self.added = tokens.size, tokens.added

    def ids(self, texts: Sequence[str]) -> list[Both]:
        """Return both of each text. Raises: as `TextTokens.ids`."""
        return [Both(*pair) for pair in zip(self.tokens.ids(texts), self.features.ids(texts), strict=True)]
