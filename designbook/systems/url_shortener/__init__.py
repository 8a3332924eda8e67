"""A URL shortener: capacity model, service, stores and HTTP face."""
