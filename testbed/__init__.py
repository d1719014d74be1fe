"""A real Kubernetes on one machine, and the images that run in it, without Docker or an image registry."""
