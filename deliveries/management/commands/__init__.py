"""`manage.py publish`, `up` and `demo`."""
