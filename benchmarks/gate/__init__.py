"""The quality gate of `quantize`, tried on models that int8 ruins."""
