/* A model written by hand, as qcc would emit it: two inputs, three outputs.
 *   sum/y[i][j] = 2 * x[i][j] + b[j]
 *   half[j]     = the upper 16 bits of sum/y[0][j]     (bfloat16)
 *   nib[j]      = b[j]                                 (packed int4; int8 with -DBYTES)
 */
#include "qcc/runtime.h"
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

#ifdef BYTES
#define NARROW QCC_TYPE_I8
#define NARROW_BYTES 3
static int narrow(const void *bytes, uint32_t j) { return ((const signed char *)bytes)[j]; }
#else
#define NARROW QCC_TYPE_I4
#define NARROW_BYTES 2
static int narrow(const void *bytes, uint32_t j) {
  int code = ((const unsigned char *)bytes)[j / 2] >> (j % 2 * 4) & 15;
  return code < 8 ? code : code - 16;
}
#endif

static void twice(const qcc_frame *frame, uint32_t thread, uint32_t threads) {
  for (uint32_t i = 6 * thread / threads; i < 6 * (thread + 1) / threads; ++i) {
    float value;
    memcpy(&value, (const char *)frame->in[0] + 4 * i, 4);
    value *= 2;
    memcpy(frame->work + 4 * i, &value, 4);
  }
}

static void add(const qcc_frame *frame, uint32_t thread, uint32_t threads) {
  for (uint32_t i = 6 * thread / threads; i < 6 * (thread + 1) / threads; ++i) {
    float value;
    memcpy(&value, frame->work + 4 * ((i + 3) % 6), 4);
    value += (float)narrow(frame->in[1], i % 3);
    memcpy((char *)frame->out[0] + 4 * ((i + 3) % 6), &value, 4);
  }
}

static void copy(const qcc_frame *frame, uint32_t thread, uint32_t threads) {
  (void)thread, (void)threads;
  for (int j = 0; j < 3; ++j)
    memcpy((char *)frame->out[1] + 2 * j, (const char *)frame->out[0] + 4 * j + 2, 2);
  memcpy(frame->out[2], frame->in[1], NARROW_BYTES);
}

static const int64_t matrix[] = {2, 3}, row[] = {3};
static const qcc_tensor_info inputs[] = {
    {"x:0", "x_0", QCC_TYPE_F32, 2, matrix, 0, 24, 0, 0},
    {"b", "b", NARROW, 1, row, 0, NARROW_BYTES, 0, 0},
};
static const qcc_tensor_info outputs[] = {
    {"sum/y", "sum_y", QCC_TYPE_F32, 2, matrix, 0, 24, 0, 0},
    {"half", "half", QCC_TYPE_BF16, 1, row, 0, 6, 0, 0},
    {"nib", "nib", NARROW, 1, row, 0, NARROW_BYTES, 0.5, 0},
};
static const qcc_step_info infos[] = {{"net/twice", "scale-f32", 6, 0, 0},
                                      {"net/add", "add-f32", 0, 0, 0},
                                      {"", "copy", 0, QCC_STEP_SERIAL, 0}};
static const qcc_step_fn steps[] = {twice, add, copy};
static const qcc_variant variants[] = {{"avx2", (uint64_t)1 << 62, steps}, {"x86-64", 0, steps}};

static qcc_status tiny_run(const void *const *in, void *const *out, void *work, qcc_pool *pool);
static const qcc_model tiny_model = {
    .abi_version = QCC_ABI_VERSION,
    .struct_bytes = sizeof(qcc_model),
    .name = "tiny",
    .manifest = "{\"qcc\": \"hand-written\"}",
    .run = tiny_run,
    .runtime = &qcc_rt_runtime,
    .n_inputs = 2,
    .n_outputs = 3,
    .inputs = inputs,
    .outputs = outputs,
    .workspace_bytes = 24 + QCC_WORK_ALIGN - 1,
    .n_steps = 3,
    .n_variants = 2,
    .steps = infos,
    .variants = variants,
    .device = QCC_DEVICE_CPU,
};

static qcc_status tiny_run(const void *const *in, void *const *out, void *work, qcc_pool *pool) {
  return qcc_rt_run(&tiny_model, in, out, work, SIZE_MAX, pool);
}

EXPORT const qcc_model *qcc_get_model(void) { return &tiny_model; }
