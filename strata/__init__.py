"""Strata: from labelled text to a trustworthy, repeatable, quantized text classifier.

from strata import Predictor
Predictor("models/quantize")(["a warm, funny film"])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strata.base.errors import StrataError
    from strata.runtime.predictor import Predictor

__all__ = ["Predictor", "StrataError"]


def __getattr__(name: str) -> Any:
    """Import lazily, so that `import strata` loads no onnxruntime."""
    if name == "Predictor":
        from strata.runtime.predictor import Predictor

        return Predictor
    if name == "StrataError":
        from strata.base.errors import StrataError

        return StrataError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
