/* The stand-in for OpenBLAS under names of its own, for test_gpu_stand_ins.c, which links the real one. */
#define cblas_sgemm stand_in_sgemm
#define openblas_get_num_threads stand_in_get_num_threads
#define openblas_set_num_threads stand_in_set_num_threads
#include "stand_in/blas/cblas.c"
