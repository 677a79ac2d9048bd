"""Access to the NATS server: the roles and what each may do, their secrets, and the server's configuration."""
