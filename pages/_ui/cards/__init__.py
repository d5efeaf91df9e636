"""Insight cards: list, reader, queue."""
