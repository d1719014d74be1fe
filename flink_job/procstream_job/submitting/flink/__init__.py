"""Everything that imports PyFlink."""
