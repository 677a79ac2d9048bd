"""The read side: what the tables answer to those who ask."""
