"""`Topic` resources."""
