"""The processes: embedded server, projector, exporter, command line."""
