"""Side-by-side benchmarks: the same corpus served by us and by others, alternating in one run."""
