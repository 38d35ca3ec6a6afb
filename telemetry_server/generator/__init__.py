"""Realistic pings made by chance and a seed, each with what should become of it."""
