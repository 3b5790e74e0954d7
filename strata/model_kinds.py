"""The kinds of models that may ship, model.kind: a fine-tuned transformer, TF-IDF, or a stack of both."""

TRANSFORMER, TFIDF, STACK = KINDS = ("transformer", "tfidf", "stack")
