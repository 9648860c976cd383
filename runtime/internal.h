/*===-- internal.h - what the runtime's files share ------------------------===*/
#ifndef QCC_RUNTIME_INTERNAL_H
#define QCC_RUNTIME_INTERNAL_H

#include "qcc/runtime.h"

/* The steps of one run, as every thread of it walks them. */
typedef struct qcc_job {
  const qcc_frame *frame;
  const qcc_step_fn *steps;
  const qcc_step_info *infos;
  uint32_t n_steps;
} qcc_job;

/* The start of every pool. A program and the shared objects it loads hold a copy
 * of this library each and may hand their pools to one another: the copy that
 * made a pool is the one that works it, through `execute`. */
typedef struct qcc_pool_head {
  uint32_t magic; /* QCC_POOL_MAGIC */
  uint32_t threads;
  qcc_status (*execute)(qcc_pool *pool, const qcc_job *job);
} qcc_pool_head;

#define QCC_POOL_MAGIC (0x716f6f6cu + QCC_ABI_VERSION)

/* Checks that `pool` is one, as far as that can be seen. */
static inline int qcc_pool_is_valid(const qcc_pool *pool) {
  return ((const qcc_pool_head *)(const void *)pool)->magic == QCC_POOL_MAGIC;
}

void qcc_run_alone(const qcc_job *job);

/* Where the shape of that input or output of a run lies; NULL where it is fixed. */
const void *qcc_rt_input_shape(const qcc_model *model, const void *const *in, uint32_t i);
const void *qcc_rt_output_shape(const qcc_model *model, void *const *out, uint32_t o);
/* Bytes that input `i` has in this run: at most `bytes`, its shape being within bounds. */
uint64_t qcc_rt_input_bytes(const qcc_model *model, const void *const *in, uint32_t i);

#endif /* QCC_RUNTIME_INTERNAL_H */
