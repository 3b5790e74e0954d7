"""Wilson's interval of a share.

Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
"""

from scipy.stats import binomtest


def wilson_interval(share: float, units: int) -> tuple[float, float]:
    """Return the ends of the 95% interval of a share, 0 to 1. units: the number of independent observations of it."""
    interval = binomtest(round(share * units), units).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
