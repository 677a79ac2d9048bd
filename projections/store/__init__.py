"""The ground: the DuckDB file, batches of facts, what a projection is, the checkpoint."""
