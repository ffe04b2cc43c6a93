"""The configuration's side of the API, and the conventions that every route keeps."""
