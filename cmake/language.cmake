# The languages and how they are compiled, for the library and for tests/gpu, a project of its own.
set(CMAKE_C_STANDARD 17)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# -O3 vectorises the loops of the CPU device; contraction is off (and so is nvcc's --fmad) so that every processor
# computes the same bits.
set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG")
