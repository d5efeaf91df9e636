"""Reports of an analysis, and issues and messages in other systems."""
