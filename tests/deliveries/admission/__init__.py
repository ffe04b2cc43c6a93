"""Admission against a real server."""
