"""The projector service, and rebuilds beside it."""
