"""What is measured, each in a process of its own; some run under an earlier version of the product as well."""
