"""Turn texts into token ids."""
