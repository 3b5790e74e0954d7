"""Dates of the source as points in time that sort."""

import pandas as pd

_YEAR, _SECONDS, _MILLISECONDS = r"\d{4}", r"-?\d{8,10}(\.\d+)?", r"\d{12,13}"
_AMBIGUOUS = r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b.*"  # the fourth of May, or the fifth of April?


def parse(values: pd.Series, format: str | None) -> pd.Series:
    """Return UTC times, missing where a value is no date. values: text. format: strptime's; None finds it by value.

    Without a format: ISO 8601, a year, seconds or milliseconds since 1970, or a month by its name and a year.
    """
    text = values.str.strip()
    if format:
        return pd.to_datetime(text, format=format, utc=True, errors="coerce").astype("datetime64[us, UTC]")
    found = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    kinds = {
        "year": text.str.fullmatch(_YEAR),
        "s": text.str.fullmatch(_SECONDS),
        "ms": text.str.fullmatch(_MILLISECONDS),
    }
    taken = pd.Series(False, index=values.index)
    for kind, mask in kinds.items():
        these = mask.fillna(False).astype(bool)
        taken |= these
        if kind == "year":
            found[these] = pd.to_datetime(text[these], format="%Y", utc=True, errors="coerce")
        elif these.any():
            found[these] = pd.to_datetime(text[these].astype(float), unit=kind, utc=True, errors="coerce")
    # without a year, a date would be filled up with today's
    others = ~taken & text.str.contains(r"\d{4}").fillna(False).astype(bool)
    others &= ~text.str.fullmatch(_AMBIGUOUS).fillna(False).astype(bool)
    if others.any():
        found[others] = pd.to_datetime(text[others], format="mixed", utc=True, errors="coerce")
    return found
