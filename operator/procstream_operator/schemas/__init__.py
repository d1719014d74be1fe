"""`Schema` resources."""
