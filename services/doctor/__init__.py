"""What is wrong with an installation and how it is cured: a registry of checks, which look and change nothing."""
