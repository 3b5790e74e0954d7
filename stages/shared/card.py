"""What the model card and the command that publishes it agree on."""

REPOSITORY = "OWNER/NAME"  # stands in the card for the repository, which `strata publish` fills in
