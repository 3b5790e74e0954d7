"""Which runtimes load the models that quantize writes, and whether they give the same labels."""
