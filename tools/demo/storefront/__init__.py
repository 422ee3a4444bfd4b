"""Tarnwick, the storefront of the demo: a shop that knows nothing of nginx."""
