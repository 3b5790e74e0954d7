"""Dates of the source as points in time that sort."""

import pandas as pd

_UNITS = {"s": r"-?\d{8,10}(\.\d+)?", "ms": r"\d{12,13}"}  # since 1970
_YEAR = r"\d{4}"
_AMBIGUOUS = r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b.*"  # the fourth of May, or the fifth of April?


def utc_times(values: pd.Series, format: str | None) -> pd.Series:
    """Return UTC times, missing where a value is not a date. values: text. format: strptime's, or None.

    Without a format, each value may be ISO 8601, a year, seconds or milliseconds since 1970, or a date with a year and
    the month's name.
    """
    text = values.str.strip()
    if format:
        return _parsed(text, format=format).astype("datetime64[us, UTC]")
    times = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    is_year = _full_match(text, _YEAR)
    times[is_year] = _parsed(text[is_year], format="%Y")
    is_number = is_year
    for unit, pattern in _UNITS.items():
        is_unit = _full_match(text, pattern)
        is_number = is_number | is_unit
        if is_unit.any():
            times[is_unit] = _parsed(text[is_unit].astype(float), unit=unit)
    # pandas would complete a date without a year with the current one
    is_other = ~is_number & text.str.contains(_YEAR).fillna(False).astype(bool) & ~_full_match(text, _AMBIGUOUS)
    if is_other.any():
        times[is_other] = _parsed(text[is_other], format="mixed")
    return times


def _parsed(values: pd.Series, **how: str) -> pd.Series:
    return pd.to_datetime(values, utc=True, errors="coerce", **how)


def _full_match(text: pd.Series, pattern: str) -> pd.Series:
    """Return which texts a pattern matches from start to end: (values,) bool, false for missing ones."""
    return text.str.fullmatch(pattern).fillna(False).astype(bool)
