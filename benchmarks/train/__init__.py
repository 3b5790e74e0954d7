"""Training: this stage beside a plain Trainer."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
