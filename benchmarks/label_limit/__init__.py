"""How often the gate refuses a good model for the recall of a label, and how often it names a label that collapsed."""
