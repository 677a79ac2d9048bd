"""The tables of facts: one module each, with the rows that a batch brings and how they are folded."""
