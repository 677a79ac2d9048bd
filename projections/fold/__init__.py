"""The fold: batches of the log into all tables, copies of tables, and the digest of their content."""
