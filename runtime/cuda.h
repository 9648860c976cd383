/*===-- cuda.h - a model's code for NVIDIA GPUs, as data -------------------===*
 *
 * What qcc_model.device_data points to in a model for CUDA: private to cuda.c and
 * to compiler/emit/Descriptor.cpp, which writes it field by field.
 *
 *===----------------------------------------------------------------------===*/
#ifndef QCC_RUNTIME_CUDA_H
#define QCC_RUNTIME_CUDA_H

#include "qcc/runtime.h"

/* The same kernels for one generation of GPUs; the driver compiles PTX for later
 * ones, too. */
typedef struct qcc_cuda_image {
  uint32_t sm; /* 80 for sm_80 */
  uint32_t reserved;
  const char *isa;   /* word of --march */
  const char *ptx;   /* ends with a NUL */
  const void *cubin; /* the same assembled, for GPUs of the same ten; NULL: not there */
} qcc_cuda_image;

/* Where a kernel's pointer leads. */
#define QCC_CUDA_INPUT 0u     /* input `index` */
#define QCC_CUDA_OUTPUT 1u    /* output `index` */
#define QCC_CUDA_WORKSPACE 2u /* `offset` in the workspace */
#define QCC_CUDA_CONSTANT 3u  /* `offset` in the constants */
/* The shapes of input and output `index` in this run, where they are bounded. */
#define QCC_CUDA_INPUT_SHAPE 4u
#define QCC_CUDA_OUTPUT_SHAPE 5u
typedef struct qcc_cuda_pointer {
  uint32_t space, index;
  uint64_t offset;
} qcc_cuda_pointer;

#define QCC_CUDA_MOST_POINTERS 64u

/* One launch. Each waits for the one before. */
typedef struct qcc_cuda_step {
  const char *kernel; /* its name in the PTX */
  const qcc_cuda_pointer *pointers;
  uint32_t n_pointers, blocks, threads, reserved;
} qcc_cuda_step;

typedef struct qcc_cuda_program {
  /* qcc_rt_cuda_run. The pointer keeps programs without such a model from
   * linking the driver's loader. */
  qcc_status (*run)(const qcc_model *model, const qcc_frame *frame);
  uint32_t n_images, n_steps;
  const qcc_cuda_image *images; /* oldest first */
  const qcc_cuda_step *steps;
  const void *constants;
  uint64_t constants_bytes, workspace_bytes;
  /* qcc_rt_cuda_run_async */
  qcc_status (*run_async)(const qcc_model *model, const qcc_frame *frame, void *stream);
} qcc_cuda_program;

#ifdef __cplusplus
extern "C" {
#endif
qcc_status qcc_rt_cuda_run(const qcc_model *model, const qcc_frame *frame);
qcc_status qcc_rt_cuda_run_async(const qcc_model *model, const qcc_frame *frame, void *stream);
#ifdef __cplusplus
}
#endif

#endif /* QCC_RUNTIME_CUDA_H */
