"""Whether texts are English, for rules that work with English words only."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+")
# frequent words that few other languages write alike
_FUNCTION_WORD = re.compile(
    r"(?:the|and|of|to|is|are|was|were|be|been|it|its|that|this|these|those|for|with|you|your|my|his|her|they|their|i|"
    r"not|have|has|had|do|does|did|but|from|which|who|what|when|how|can|could|would|will|should)",
    re.IGNORECASE,
)
LEAST = 0.08  # of all words; English texts have a fifth to a half, others next to none


def is_english(texts: Iterable[str]) -> bool:
    """Return whether most texts are English, by their function words; texts without letters are not.

    >>> is_english(["this film is not for the young"]), is_english(["dieser Film ist nichts für die Jungen"])
    (True, False)
    """
    words = function_words = 0
    for text in texts:
        found = _WORD.findall(text)
        words += len(found)
        function_words += sum(bool(_FUNCTION_WORD.fullmatch(word)) for word in found)
    return words > 0 and function_words >= LEAST * words
