"""`make bench`: every figure of speed and memory beside a baseline that is measured in the same run."""
