"""Branch coverage of the product, in all processes of the tests."""

HITS = "__hits__"  # a builtin, so that the statements of all modules find it
