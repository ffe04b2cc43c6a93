"""What the code promises about its own shape."""
