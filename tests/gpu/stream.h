/* A caller's own CUDA stream, for tests in C. */
#ifndef CAVIAR_TESTS_GPU_STREAM_H
#define CAVIAR_TESTS_GPU_STREAM_H

#ifdef __cplusplus
extern "C" {
#endif

void *gpu_stream_create(void);     /* NULL: it could not be made */
int gpu_stream_wait(void *stream); /* 0: all work given to it is done */
void gpu_stream_destroy(void *stream);

#ifdef __cplusplus
}
#endif

#endif
