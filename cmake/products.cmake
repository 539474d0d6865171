# The CPU's matrix products are fused multiply-adds. Each folder that compiles them includes this: such properties are its own.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/../src/host/cpu/product.c PROPERTIES
    COMPILE_OPTIONS -ffp-contract=fast)
