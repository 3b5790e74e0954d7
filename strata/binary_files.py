"""How files begin that hold no text."""

BINARY = {
    b"\x1f\x8b": ("compressed (gzip)", ".gz"),
    b"\x28\xb5\x2f\xfd": ("compressed (zstd)", ".zst"),
    b"PK\x03\x04": ("a spreadsheet or an archive (zip)", ".xlsx, .ods or .zip"),
    b"\xd0\xcf\x11\xe0": ("a spreadsheet or document of Office", ".xls"),
    b"PAR1": ("Parquet", ".parquet"),
    b"ARROW1": ("Arrow", ".arrow"),
    b"SQLite format 3\0": ("an SQLite database", ".sqlite"),
    b"%PDF": ("PDF", ".pdf"),
}
"""By their first bytes: what they are, and the suffix that says so."""
