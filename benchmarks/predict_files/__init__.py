"""A file's rows labelled by `strata predict`, compared with a bare loop over the same model."""
