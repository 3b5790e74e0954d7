"""Texts parted from the special tokens that the recipe's `annotate` appended to them."""

import re


def parted(texts: list[str], special_tokens: list[str]) -> tuple[list[str], list[str]]:
    """Return the texts without what was appended, and what was, with its leading space; joined, they are as before.

    >>> parted(["fine <director=K>", "fine"], ["<director=K>"])
    (['fine', 'fine'], [' <director=K>', ''])
    """
    if not special_tokens:
        return list(texts), [""] * len(texts)
    appended = re.compile("(?: (?:" + "|".join(map(re.escape, special_tokens)) + "))+$")
    plain = [appended.sub("", text) for text in texts]
    return plain, [text[len(start) :] for text, start in zip(texts, plain, strict=True)]
