"""Entry points for events: HTTP requests of NSPS, Pub/Sub messages, and the process they share."""
