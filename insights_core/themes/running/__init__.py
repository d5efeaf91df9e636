"""Themes at work: previewed, tested on a sample, run side by side, run when they are due."""
