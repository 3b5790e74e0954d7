"""The one spelling of values that formats write differently."""

import re

from strata.base.unicode_forms import normalized


def canonical(value: str | int | float | bool) -> str:
    """Return the one spelling of a value: true and True, 1 and 1.0.

    >>> [canonical(value) for value in (True, "TRUE", 1, "1.0", " spam ")]
    ['true', 'true', '1', '1', 'spam']
    """
    text = normalized("NFC", str(value)).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", text)
