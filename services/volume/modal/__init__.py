"""The sink on Modal: its connection, volume and trainer."""
