"""What can be said: the facts, their bytes, and the log they go to. Depends on msgspec and nats-py alone."""
