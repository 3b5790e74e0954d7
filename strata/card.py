"""What the model card and the command that publishes it agree on."""

REPOSITORY = "OWNER/NAME"
"""Stands in the card for the repository, until it is published."""
