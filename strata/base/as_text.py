"""Values as text, spelled the same way for every format."""

import json
import math
from decimal import Decimal
from typing import Any


def as_text(value: Any) -> str | None:
    """Return a value as text: true, 1.5, JSON for lists and objects; None for null and NaN. Raises: RecursionError."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(float(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=float)
    return str(value)
