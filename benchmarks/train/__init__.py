"""Training: the stage train, compared with a plain Hugging Face Trainer."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
