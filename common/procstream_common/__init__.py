"""What every procstream component shares."""
