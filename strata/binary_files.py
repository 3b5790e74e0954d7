"""The first bytes of binary formats."""

BINARY = {
    b"\x1f\x8b": ("compressed (gzip)", "add .gz to its name"),
    b"\x28\xb5\x2f\xfd": ("compressed (zstd)", "add .zst to its name"),
    b"PK\x03\x04": ("a spreadsheet or an archive (zip)", "rename it to .xlsx, .ods or .zip"),
    b"\xd0\xcf\x11\xe0": ("an old Excel or Word file", "rename it to .xls, or save its texts as CSV"),
    b"PAR1": ("Parquet", "rename it to .parquet"),
    b"ARROW1": ("Arrow", "rename it to .arrow"),
    b"SQLite format 3\0": ("an SQLite database", "export its table as CSV"),
    b"%PDF": ("PDF", "save its texts as CSV"),
}
"""By first bytes: the format, and how a data file in it is read."""
