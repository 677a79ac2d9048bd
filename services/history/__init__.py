"""The past: the state as of a moment, and replays of the log."""
