"""The faults, by what is harmed."""
