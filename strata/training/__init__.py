"""The engine of adapt and train: a plan of steps, the steps, and the state from which a killed run resumes."""
