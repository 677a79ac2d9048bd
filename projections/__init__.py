"""What follows from the facts: pure functions of events plus policy, folded into DuckDB."""
