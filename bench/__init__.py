"""Benchmarks, as ratios between things that ran in turns on the same machine."""
