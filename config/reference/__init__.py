"""Parts of the documentation that are made from the code. `python -m config.reference` rewrites them."""
