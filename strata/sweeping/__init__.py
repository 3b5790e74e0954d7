"""The search behind `strata sweep`: trials in workspaces of their own, scored on validation rows."""
