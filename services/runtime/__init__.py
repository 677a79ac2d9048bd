"""What runs on this machine: the embedded NATS server and the supervisor of the services."""
