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
  return model && (model->abi_version == QCC_ABI_VERSION || model->abi_version == QCC_ABI_VERSION_BOUNDED) &&
         model->struct_bytes >= sizeof(qcc_model);
}

/*===-- Shapes ------------------------------------------------------------===*/

/* Where the shape of a tensor lies in `pointers`, behind those of all `count` tensors; NULL where it is
 * fixed. */
static const void *shape_among(const qcc_model *model, const qcc_tensor_info *infos, uint32_t count,
                               const void *const *pointers, uint32_t i) {
  int bounded = model->abi_version == QCC_ABI_VERSION_BOUNDED && infos[i].min_shape;
  return bounded ? pointers[count + i] : NULL;
}

const void *qcc_rt_input_shape(const qcc_model *model, const void *const *in, uint32_t i) {
  return shape_among(model, model->inputs, model->n_inputs, in, i);
}

const void *qcc_rt_output_shape(const qcc_model *model, void *const *out, uint32_t o) {
  return shape_among(model, model->outputs, model->n_outputs, (const void *const *)out, o);
}

static uint64_t shape_bytes(const qcc_tensor_info *info) { return sizeof(int64_t) * info->rank; }

static int64_t extent_at(const void *shape, uint32_t axis) {
  int64_t extent;
  memcpy(&extent, (const char *)shape + sizeof extent * axis, sizeof extent);
  return extent;
}

/* The numbers of qcc_tensor_info.min_shape. */
static int64_t bound_of(const qcc_tensor_info *info, uint32_t row, uint32_t axis) {
  return info->min_shape[info->rank * row + axis];
}

/* How long a length is: what the first extent says that is this one alone. 0 where no input says it. */
static int64_t length_in(const qcc_model *model, const void *const *in, int64_t length) {
  for (uint32_t i = 0; length >= 0 && i < model->n_inputs; ++i) {
    const qcc_tensor_info *info = &model->inputs[i];
    const void *shape = qcc_rt_input_shape(model, in, i);
    for (uint32_t axis = 0; shape && axis < info->rank; ++axis)
      if (bound_of(info, 1, axis) == length && bound_of(info, 2, axis) < 0)
        return extent_at(shape, axis) - bound_of(info, 3, axis);
  }
  return 0;
}

/* Whether an extent of an input, which is within its bounds, has not the lengths that others say. */
static int disagrees(const qcc_model *model, const void *const *in, const qcc_tensor_info *info,
                     uint32_t axis, int64_t extent) {
  int64_t one = bound_of(info, 1, axis), more = bound_of(info, 2, axis);
  return one >= 0 &&
         extent != length_in(model, in, one) + length_in(model, in, more) + bound_of(info, 3, axis);
}

static int is_within_bounds(const qcc_tensor_info *info, const void *shape) {
  for (uint32_t axis = 0; axis < info->rank; ++axis) {
    int64_t extent = extent_at(shape, axis);
    if (extent < info->min_shape[axis] || extent > info->shape[axis] || extent % bound_of(info, 4, axis))
      return 0;
  }
  return 1;
}

static qcc_status check_shapes(const qcc_model *model, const void *const *in, void *const *out) {
  if (model->abi_version != QCC_ABI_VERSION_BOUNDED)
    return QCC_OK;
  if ((model->n_inputs && !in) || (model->n_outputs && !out))
    return QCC_ERR_ARGUMENT;
  for (uint32_t i = 0; i < model->n_inputs; ++i) {
    const qcc_tensor_info *info = &model->inputs[i];
    const void *shape = qcc_rt_input_shape(model, in, i);
    if (info->min_shape && !shape)
      return QCC_ERR_ARGUMENT;
    if (shape && !is_within_bounds(info, shape))
      return QCC_ERR_SHAPE;
  }
  for (uint32_t i = 0; i < model->n_inputs; ++i) {
    const void *shape = qcc_rt_input_shape(model, in, i);
    for (uint32_t axis = 0; shape && axis < model->inputs[i].rank; ++axis)
      if (disagrees(model, in, &model->inputs[i], axis, extent_at(shape, axis)))
        return QCC_ERR_SHAPE;
  }
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    if (model->outputs[o].min_shape && !qcc_rt_output_shape(model, out, o))
      return QCC_ERR_ARGUMENT;
  return QCC_OK;
}

uint64_t qcc_rt_input_bytes(const qcc_model *model, const void *const *in, uint32_t i) {
  const qcc_tensor_info *info = &model->inputs[i];
  const void *shape = qcc_rt_input_shape(model, in, i);
  uint64_t most = 1, here = 1;
  if (!shape)
    return info->bytes;
  for (uint32_t axis = 0; axis < info->rank; ++axis) {
    most *= (uint64_t)info->shape[axis];
    here *= (uint64_t)extent_at(shape, axis);
  }
  return most ? info->bytes / most * here : 0;
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
    if (!is_buffer(in[i], qcc_rt_input_bytes(model, in, i)))
      return 0;
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    if (!is_buffer(out[o], model->outputs[o].bytes))
      return 0;
  return 1;
}

static int is_bounded(const qcc_tensor_info *info, uint32_t axis) {
  return info->min_shape && info->min_shape[axis] != info->shape[axis];
}

/* Inputs of bounded shape are read before anything is written, so that those may differ in what is bounded.
 */
static int same_tensors(const qcc_tensor_info *a, const qcc_tensor_info *b) {
  if (a->type != b->type || a->rank != b->rank)
    return 0;
  for (uint32_t i = 0; i < a->rank; ++i)
    if (is_bounded(a, i) != is_bounded(b, i) || (!is_bounded(a, i) && a->shape[i] != b->shape[i]))
      return 0;
  return 1;
}

/* Whether a buffer that the run writes touches an input or one of the first
 * `outputs` outputs. `tensor` is what it holds, if that may be a state in place. */
static int overlaps_tensors(const qcc_model *model, const void *const *in, void *const *out,
                            const void *buffer, uint64_t bytes, uint32_t outputs,
                            const qcc_tensor_info *tensor) {
  for (uint32_t i = 0; i < model->n_inputs; ++i)
    if (overlap(buffer, bytes, in[i], qcc_rt_input_bytes(model, in, i)) &&
        !(tensor && buffer == in[i] && same_tensors(tensor, &model->inputs[i])))
      return 1;
  for (uint32_t o = 0; o < outputs; ++o)
    if (overlap(buffer, bytes, out[o], model->outputs[o].bytes))
      return 1;
  return 0;
}

/* Whether that buffer touches the shape of an input or of one of the first `outputs` outputs. */
static int overlaps_shapes(const qcc_model *model, const void *const *in, void *const *out,
                           const void *buffer, uint64_t bytes, uint32_t outputs) {
  for (uint32_t i = 0; i < model->n_inputs; ++i)
    if (qcc_rt_input_shape(model, in, i) &&
        overlap(buffer, bytes, qcc_rt_input_shape(model, in, i), shape_bytes(&model->inputs[i])))
      return 1;
  for (uint32_t o = 0; o < outputs; ++o)
    if (qcc_rt_output_shape(model, out, o) &&
        overlap(buffer, bytes, qcc_rt_output_shape(model, out, o), shape_bytes(&model->outputs[o])))
      return 1;
  return 0;
}

static int shapes_are_apart(const qcc_model *model, const void *const *in, void *const *out,
                            const void *work) {
  if (overlaps_shapes(model, in, out, work, model->workspace_bytes, model->n_outputs))
    return 0;
  for (uint32_t o = 0; o < model->n_outputs; ++o) {
    const void *shape = qcc_rt_output_shape(model, out, o);
    if (overlaps_shapes(model, in, out, out[o], model->outputs[o].bytes, model->n_outputs))
      return 0;
    if (shape && (overlaps_shapes(model, in, out, shape, shape_bytes(&model->outputs[o]), o) ||
                  overlaps_tensors(model, in, out, shape, shape_bytes(&model->outputs[o]), 0, NULL)))
      return 0;
  }
  return 1;
}

static qcc_status check_tensors(const qcc_model *model, const void *const *in, void *const *out) {
  if (!buffers_are_there(model, in, out))
    return QCC_ERR_ARGUMENT;
  int in_place = (model->flags & QCC_MODEL_IN_PLACE) != 0;
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    if (overlaps_tensors(model, in, out, out[o], model->outputs[o].bytes, o,
                         in_place ? &model->outputs[o] : NULL))
      return QCC_ERR_ARGUMENT;
  return QCC_OK;
}

static qcc_status check_buffers(const qcc_model *model, const void *const *in, void *const *out,
                                const void *work, size_t work_bytes) {
  if (!buffers_are_there(model, in, out) || !is_buffer(work, model->workspace_bytes))
    return QCC_ERR_ARGUMENT;
  if (work_bytes < model->workspace_bytes)
    return QCC_ERR_WORKSPACE;
  if (overlaps_tensors(model, in, out, work, model->workspace_bytes, model->n_outputs, NULL))
    return QCC_ERR_ARGUMENT;
  qcc_status status = check_tensors(model, in, out);
  if (status != QCC_OK)
    return status;
  return shapes_are_apart(model, in, out, work) ? QCC_OK : QCC_ERR_ARGUMENT;
}

/*===-- Variants and devices ----------------------------------------------===*/

qcc_status qcc_select_variant(const qcc_model *model, const qcc_variant **variant) {
  if (!model_is_valid(model) || !variant)
    return QCC_ERR_ARGUMENT;
  const char *forced = setting("QCC_ISA");
  uint64_t features = qcc_cpu_features();
  uint64_t slow = features & QCC_CPU_SLOW_BF16 ? QCC_CPU_AVX512BF16 : 0;
  const qcc_variant *chosen = NULL;
  for (uint32_t i = 0; i < model->n_variants; ++i) {
    const qcc_variant *candidate = &model->variants[i];
    int is_usable = (candidate->features & ~features) == 0 && (!forced || !strcmp(candidate->isa, forced));
    if (is_usable && (!chosen || chosen->features & slow))
      chosen = candidate;
  }
  if (chosen)
    *variant = chosen;
  return chosen ? QCC_OK : QCC_ERR_ISA;
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
  qcc_status status = check_shapes(model, in, out);
  if (status == QCC_OK)
    status = check_buffers(model, in, out, work, work_bytes);
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

qcc_status qcc_run_async(const qcc_model *model, const void *const *in, void *const *out, void *stream) {
  if (!model_is_valid(model))
    return QCC_ERR_ARGUMENT;
  const char *forced = setting("QCC_DEVICE");
  const qcc_cuda_program *program = model->device == QCC_DEVICE_CUDA ? model->device_data : NULL;
  if (!program || (forced && strcmp(forced, "cuda")))
    return QCC_ERR_NO_DEVICE;
  qcc_status status = check_shapes(model, in, out);
  if (status == QCC_OK)
    status = check_tensors(model, in, out);
  if (status == QCC_OK && !shapes_are_apart(model, in, out, NULL))
    status = QCC_ERR_ARGUMENT;
  if (status != QCC_OK)
    return status;
  qcc_frame frame = {in, out, NULL, NULL, NULL};
  return program->run_async(model, &frame, stream);
}
