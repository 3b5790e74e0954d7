"""Dates of the source are recognized without guessing."""

import pandas as pd
import pytest

from stages.standardize.dates import utc_times


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2005-04-03", "2005-04-03"),
        ("2005-04-03T12:30:00Z", "2005-04-03"),
        ("2005-04-03 23:30:00-05:00", "2005-04-04"),
        ("3 April 2005", "2005-04-03"),
        ("April 3, 2005", "2005-04-03"),
        ("2005", "2005-01-01"),
        ("1112486400", "2005-04-03"),
        ("1112486400.5", "2005-04-03"),
        ("1112486400000", "2005-04-03"),
        ("03/04/2005", None),
        ("3.4.05", None),
        ("April", None),
        ("10", None),
        ("", None),
        ("soon, in 9999 years", None),
        (None, None),
    ],
)
def test_a_date_is_recognized_or_missing(value, day):
    times = utc_times(pd.Series([value, "2001-01-01"], dtype="str"), None)
    assert (None if pd.isna(times[0]) else str(times[0].date())) == day
    assert str(times[1].date()) == "2001-01-01"


def test_a_format_distinguishes_day_and_month():
    assert str(utc_times(pd.Series(["03/04/2005"]), "%d/%m/%Y")[0].date()) == "2005-04-03"
