"""Training on a GPU: its speed beside a Trainer's, and whether it repeats, resumes and stays finite."""
