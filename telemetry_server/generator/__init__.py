"""Generates realistic random pings from a seed, each with its expected outcome."""
