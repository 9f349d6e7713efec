"""External systems that speak HTTP."""
