"""Benchmarks, as ratios of measurements that alternate on the same machine."""
