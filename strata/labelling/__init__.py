"""Labels the rows of a file: any format that ingest reads in, CSV, JSON Lines or Parquet out."""
