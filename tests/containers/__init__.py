"""The image and the compose files in a real engine, podman or docker: `make test-containers`."""
