/*===-- model.c - checks the arguments, picks the code, runs the steps -----===*/
#include "cuda.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* An environment variable's value; NULL where it is unset or empty. */
static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static int model_is_valid(const qcc_model *model) {
  return model && model->abi_version == QCC_ABI_VERSION && model->struct_bytes >= sizeof(qcc_model);
}

/*===-- Buffers -----------------------------------------------------------===*/

static int overlap(const void *a, uint64_t a_bytes, const void *b, uint64_t b_bytes) {
  uintptr_t first = (uintptr_t)a, second = (uintptr_t)b;
  if (!a_bytes || !b_bytes)
    return 0;
  return first < second ? second - first < a_bytes : first - second < b_bytes;
}

static int is_buffer(const void *pointer, uint64_t bytes) {
  return bytes == 0 || (pointer && bytes <= UINTPTR_MAX - (uintptr_t)pointer);
}

static int buffers_are_there(const qcc_model *model, const void *const *in, void *const *out) {
  if ((model->n_inputs && !in) || (model->n_outputs && !out))
    return 0;
  for (uint32_t i = 0; i < model->n_inputs; ++i)
    if (!is_buffer(in[i], model->inputs[i].bytes))
      return 0;
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    if (!is_buffer(out[o], model->outputs[o].bytes))
      return 0;
  return 1;
}

static int same_tensors(const qcc_tensor_info *a, const qcc_tensor_info *b) {
  if (a->type != b->type || a->rank != b->rank || a->bytes != b->bytes)
    return 0;
  for (uint32_t i = 0; i < a->rank; ++i)
    if (a->shape[i] != b->shape[i])
      return 0;
  return 1;
}

/* Whether a buffer that the run writes touches an input or one of the first
 * `outputs` outputs. `tensor` is what it holds, if that may be a state in place. */
static int overlaps_tensors(const qcc_model *model, const void *const *in, void *const *out,
                            const void *buffer, uint64_t bytes, uint32_t outputs,
                            const qcc_tensor_info *tensor) {
  for (uint32_t i = 0; i < model->n_inputs; ++i)
    if (overlap(buffer, bytes, in[i], model->inputs[i].bytes) &&
        !(tensor && buffer == in[i] && same_tensors(tensor, &model->inputs[i])))
      return 1;
  for (uint32_t o = 0; o < outputs; ++o)
    if (overlap(buffer, bytes, out[o], model->outputs[o].bytes))
      return 1;
  return 0;
}

static qcc_status check_buffers(const qcc_model *model, const void *const *in, void *const *out,
                                const void *work, size_t work_bytes) {
  if (!buffers_are_there(model, in, out) || !is_buffer(work, model->workspace_bytes))
    return QCC_ERR_ARGUMENT;
  if (work_bytes < model->workspace_bytes)
    return QCC_ERR_WORKSPACE;
  if (overlaps_tensors(model, in, out, work, model->workspace_bytes, model->n_outputs, NULL))
    return QCC_ERR_ARGUMENT;
  int in_place = (model->flags & QCC_MODEL_IN_PLACE) != 0;
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    if (overlaps_tensors(model, in, out, out[o], model->outputs[o].bytes, o,
                         in_place ? &model->outputs[o] : NULL))
      return QCC_ERR_ARGUMENT;
  return QCC_OK;
}

/*===-- Variants and devices ----------------------------------------------===*/

qcc_status qcc_select_variant(const qcc_model *model, const qcc_variant **variant) {
  if (!model_is_valid(model) || !variant)
    return QCC_ERR_ARGUMENT;
  const char *forced = setting("QCC_ISA");
  uint64_t features = qcc_cpu_features();
  for (uint32_t i = 0; i < model->n_variants; ++i) {
    const qcc_variant *candidate = &model->variants[i];
    if ((candidate->features & ~features) == 0 && (!forced || !strcmp(candidate->isa, forced))) {
      *variant = candidate;
      return QCC_OK;
    }
  }
  return QCC_ERR_ISA;
}

static qcc_status run_on_cpu(const qcc_model *model, const qcc_frame *frame, qcc_pool *pool) {
  const qcc_variant *variant;
  qcc_status status = qcc_select_variant(model, &variant);
  if (status != QCC_OK)
    return status;
  qcc_job job = {frame, variant->steps, model->steps, model->n_steps};
  if (pool)
    return ((qcc_pool_head *)(void *)pool)->execute(pool, &job);
  qcc_run_alone(&job);
  return QCC_OK;
}

/* A model for a device runs there unless QCC_DEVICE=cpu asks otherwise; the CPU
 * stands in for a missing device where the model brings code for it. */
static qcc_status run_somewhere(const qcc_model *model, const qcc_frame *frame, qcc_pool *pool) {
  const char *forced = setting("QCC_DEVICE");
  int wants_cpu = forced && !strcmp(forced, "cpu");
  if (forced && !wants_cpu && strcmp(forced, "cuda"))
    return QCC_ERR_NO_DEVICE;
  if (model->device == QCC_DEVICE_CPU)
    return forced && !wants_cpu ? QCC_ERR_NO_DEVICE : run_on_cpu(model, frame, pool);
  if (wants_cpu)
    return model->n_variants ? run_on_cpu(model, frame, pool) : QCC_ERR_NO_DEVICE;
  const qcc_cuda_program *program = model->device_data;
  qcc_status status = program ? program->run(model, frame) : QCC_ERR_NO_DEVICE;
  if (status == QCC_ERR_NO_DEVICE && !forced && model->n_variants)
    return run_on_cpu(model, frame, pool);
  return status;
}

/*===-- Entry points ------------------------------------------------------===*/

void qcc_run_alone(const qcc_job *job) {
  for (uint32_t i = 0; i < job->n_steps; ++i)
    job->steps[i](job->frame, 0, 1);
}

qcc_status qcc_rt_run(const qcc_model *model, const void *const *in, void *const *out, void *work,
                      size_t work_bytes, qcc_pool *pool) {
  if (!model_is_valid(model) || (pool && !qcc_pool_is_valid(pool)))
    return QCC_ERR_ARGUMENT;
  qcc_status status = check_buffers(model, in, out, work, work_bytes);
  if (status != QCC_OK)
    return status;
  uintptr_t misaligned = (uintptr_t)work % QCC_WORK_ALIGN;
  unsigned char *aligned = work;
  if (misaligned)
    aligned += QCC_WORK_ALIGN - misaligned;
  qcc_frame frame = {in, out, aligned, NULL, NULL};
  return run_somewhere(model, &frame, pool);
}

qcc_status qcc_run(const qcc_model *model, const void *const *in, void *const *out, void *work,
                   size_t work_bytes, qcc_pool *pool) {
  return qcc_rt_run(model, in, out, work, work_bytes, pool);
}
