"""Where events come in: NSPS over HTTP, Pub/Sub, and what one process has open meanwhile."""
