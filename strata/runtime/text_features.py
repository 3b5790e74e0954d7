"""What TF-IDF, or a stack of it and a transformer, takes of texts: in the place of `TextTokens`."""

from collections.abc import Sequence
from pathlib import Path

from strata.runtime.cascade import Cascade
from strata.runtime.feeds import Both, Sure
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
    """Token ids and features of texts. cascade: answers what it is sure of without token ids; None: there is none."""

    def __init__(self, tokens: TextTokens, features: TextFeatures, cascade: Cascade | None = None):
        self.tokens, self.features, self.cascade = tokens, features, cascade
        self.size, self.added = tokens.size, tokens.added

    def ids(self, texts: Sequence[str]) -> list[Both | Sure]:
        """Return both of each text, or the cascade's answer. Raises: as `TextTokens.ids`."""
        features = self.features.ids(texts)
        taken = self.cascade.answers(features) if self.cascade else [None] * len(texts)
        rest = [i for i, answer in enumerate(taken) if answer is None]
        for i, ids in zip(rest, self.tokens.ids([texts[i] for i in rest]), strict=True):
            taken[i] = Both(ids, features[i])
        return taken
