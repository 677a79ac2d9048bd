"""The state as every process sees it: owned by the projector, asked for by everybody else."""
