"""The gateway: the API over HTTP for everything that is not Python, and the pages for people."""
