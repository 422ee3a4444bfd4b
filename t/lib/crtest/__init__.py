"""Helpers of the system tests that put nginx and Redis under load."""
