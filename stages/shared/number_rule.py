"""How a recipe writes a label's rule on numbers, such as '>= 7'."""

import re

RULE = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")
"""The comparison and the number."""
