"""The gate before the quantized model, tried on models that int8 ruins."""
