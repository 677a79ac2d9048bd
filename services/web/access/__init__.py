"""Who may call the gateway, and how often: tokens, roles, sessions, limits."""
