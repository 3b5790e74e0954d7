"""TF-IDF as it is kept: the same features and log probabilities as scikit-learn's, without scikit-learn."""

import numpy as np
import pandas as pd
import pytest

from stages.baseline import fitted_tfidf
from strata.base.errors import StrataError
from strata.settings.params import Baseline
from strata.tfidf.fitted import read_fitted
from strata.tfidf.ngrams import Reader

SETTINGS = Baseline(ngram_max=2, min_df=1, c=10.0)
WORDS = [
    "A good film, and a GOOD plot",
    "ÇA c'était très bon 🎉",
    "İstanbul ΣΊΣΥΦΟΣ straße",
    "यह फिल्म अच्छी थी",
    "film film film",
    "bad  spaces\t\tand\nlines",
    "x y z",
    "so_called 2nd part",
    "👍 bad 😡 bad",
    "it's not good",
]
CHARACTERS = ["店里今天好吃", "我们  朋友太慢", "很好 吃的\n\n菜", "老板太慢!", "好", "慢慢慢慢"]
UNSEEN = ["", "   ", "unheard of", "???", "good", "好吃 good  film", "A good film", "\u017f \u212a \u212b"]


def rows(texts: list[str], labels: int) -> pd.DataFrame:
    return pd.DataFrame({"text": texts, "annotation": None, "label": [i % labels for i in range(len(texts))]})


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("texts", [WORDS, CHARACTERS], ids=["words", "characters"])
@pytest.mark.parametrize("ngram_max", [1, 3])
def test_what_is_kept_gives_the_log_probabilities_of_scikit_learn(texts, labels, ngram_max, tmp_path):
    train = rows(texts, labels)
    train.loc[0, "annotation"] = "<director=K L>"
    fitted = fitted_tfidf(train, SETTINGS.model_copy(update={"ngram_max": ngram_max}))
    fitted.kept.write(tmp_path)
    asked = pd.concat([rows(texts + UNSEEN, labels), train])
    read = [
        f"{text} {tokens}" if tokens else text
        for text, tokens in zip(asked["text"], asked["annotation"].fillna(""), strict=True)
    ]
    assert read_fitted(tmp_path).log_probabilities(read) == pytest.approx(fitted.log_probabilities(asked), abs=1e-6)


@pytest.mark.parametrize("texts", [WORDS, CHARACTERS], ids=["words", "characters"])
def test_features_are_those_of_scikit_learn(texts):
    fitted = fitted_tfidf(rows(texts, 2), SETTINGS)
    reader, known = Reader(fitted.kept.vocabulary), len(fitted.kept.vocabulary.ngrams)
    expected = fitted.vectorizer.transform(texts + UNSEEN).toarray()
    for text, line in zip(texts + UNSEEN, expected, strict=True):
        indices, weights = reader.features(text)
        dense = np.zeros(known + 1)
        dense[indices] = weights
        assert dense[:-1] == pytest.approx(line, abs=1e-12)
        assert dense[-1] == (0 if line.any() else 1), "only a text without a known n-gram has the last feature"


def test_a_text_without_a_known_ngram_gets_the_prior(tmp_path):
    fitted_tfidf(rows(["good film", "bad film", "fine film", "dull film", "warm film"], 2), SETTINGS).kept.write(
        tmp_path
    )
    assert np.exp(read_fitted(tmp_path).log_probabilities(["???"])) == pytest.approx(np.array([[0.6, 0.4]]))


def test_files_of_two_runs_are_refused(tmp_path):
    fitted_tfidf(rows(WORDS, 2), SETTINGS).kept.write(tmp_path)
    vocabulary = fitted_tfidf(rows(WORDS[:5], 2), SETTINGS).kept.vocabulary
    vocabulary.write(tmp_path / "vocabulary.json")
    with pytest.raises(StrataError, match=r"weights.safetensors: not of the same run as vocabulary.json"):
        read_fitted(tmp_path)


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"reads": "words", "lengths": [1], "ngrams": [], "idf": [], "added": []}']
)
def test_a_broken_vocabulary_is_one_line(content, tmp_path):
    (tmp_path / "vocabulary.json").write_text(content, encoding="utf-8")
    with pytest.raises(StrataError, match="not a vocabulary of TF-IDF"):
        read_fitted(tmp_path)
