"""The mutation run of the kernels: tools/mutate."""
