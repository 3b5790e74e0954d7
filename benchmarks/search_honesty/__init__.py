"""What a search says about its settings, tried on settings whose true scores are known."""
