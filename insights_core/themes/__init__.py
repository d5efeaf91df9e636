"""Themes: saved perspectives on traces. Those that come with the program lie in `builtin`, others in experiments."""
