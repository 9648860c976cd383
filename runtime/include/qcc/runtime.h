/*===-- qcc/runtime.h - what a compiled model and its caller share ---------===*
 *
 * Needs nothing but the C library; reads the same as C99, C11 and C++.
 *
 * A model compiled by qcc is constant data: one qcc_model descriptor, its
 * weights and its code. Running it allocates nothing and keeps no state, so one
 * model serves as many threads at once as there are workspaces.
 *
 * Most programs include only the header that qcc wrote for their model, call
 * PREFIX_run, and from here use qcc_status_string and the pool.
 *
 *===----------------------------------------------------------------------===*/
#ifndef QCC_RUNTIME_H
#define QCC_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the structures below. It changes only when one of them changes
 * in a way that an older reader would misunderstand; qcc_model itself grows at
 * its end without a new version, which its struct_bytes shows. */
#define QCC_ABI_VERSION 2u
/* That of a model with inputs of bounded shape, whose callers pass more pointers. */
#define QCC_ABI_VERSION_BOUNDED 5u

/*===-- Status ------------------------------------------------------------===*/

typedef enum {
  QCC_OK = 0,
  QCC_ERR_ARGUMENT,  /* NULL where data is needed, overlapping buffers, or a
                        descriptor of another abi_version */
  QCC_ERR_SHAPE,     /* a shape outside the bounds it was compiled for */
  QCC_ERR_WORKSPACE, /* fewer bytes than the model's workspace_bytes */
  QCC_ERR_ISA,       /* no variant for this CPU, or QCC_ISA names one that the
                        model or the CPU does not have */
  QCC_ERR_NO_DEVICE, /* the device is missing, or QCC_DEVICE names one that the
                        model was not compiled for */
  QCC_ERR_DEVICE,    /* the device reported an error */
  QCC_ERR_BUSY       /* the pool is serving another run */
} qcc_status;

/* A short English text, never NULL; it lives as long as the program. */
const char *qcc_status_string(qcc_status status);

/*===-- Threads -----------------------------------------------------------===*/

typedef struct qcc_pool qcc_pool;

/* A pool of `threads` threads, the caller's included: it starts threads - 1
 * workers. Zero or less means one for each CPU that the calling thread may use.
 * NULL beyond 1024, or when memory or threads run out. Workers sleep between runs, block all
 * signals, and inherit the affinity of the thread that creates the pool.
 *
 * A pool serves one run at a time; a second one at once gets QCC_ERR_BUSY.
 * Results do not depend on the number of threads. After fork() the workers
 * exist in the parent only: in the child the pool works on the calling thread
 * alone, and may be destroyed. */
qcc_pool *qcc_pool_create(int threads);

/* Ends the workers and frees the pool. NULL is allowed; a pool in use is not. */
void qcc_pool_destroy(qcc_pool *pool);

/* How many threads work in a run; 1 for NULL. */
int qcc_pool_threads(const qcc_pool *pool);

/*===-- Tensors -----------------------------------------------------------===*/

/* Element types; the numbers are those of ONNX's TensorProto.DataType.
 * In memory: 2- and 4-bit types are packed, the first element in the lowest
 * bits, with the last byte's spare bits zero; a bool is one byte, 0 or 1. */
typedef enum {
  QCC_TYPE_F32 = 1,
  QCC_TYPE_U8 = 2,
  QCC_TYPE_I8 = 3,
  QCC_TYPE_U16 = 4,
  QCC_TYPE_I16 = 5,
  QCC_TYPE_I32 = 6,
  QCC_TYPE_I64 = 7,
  QCC_TYPE_BOOL = 9,
  QCC_TYPE_F16 = 10,
  QCC_TYPE_F64 = 11,
  QCC_TYPE_U32 = 12,
  QCC_TYPE_U64 = 13,
  QCC_TYPE_BF16 = 16,
  QCC_TYPE_F8E4M3FN = 17,
  QCC_TYPE_F8E4M3FNUZ = 18,
  QCC_TYPE_F8E5M2 = 19,
  QCC_TYPE_F8E5M2FNUZ = 20,
  QCC_TYPE_U4 = 21,
  QCC_TYPE_I4 = 22,
  QCC_TYPE_F4E2M1 = 23,
  QCC_TYPE_F8E8M0 = 24,
  QCC_TYPE_U2 = 25,
  QCC_TYPE_I2 = 26
} qcc_type;

/* One input or output. Fixed for one QCC_ABI_VERSION. */
typedef struct qcc_tensor_info {
  const char *name;         /* as the ONNX graph has it, UTF-8 */
  const char *c_name;       /* member of PREFIX_inputs or PREFIX_outputs */
  uint32_t type;            /* a qcc_type */
  uint32_t rank;            /* 0 for a scalar */
  const int64_t *shape;     /* rank extents, row-major, the last one contiguous; the
                               upper bounds where min_shape is set; NULL at rank 0 */
  const int64_t *min_shape; /* NULL: the shape is fixed. Else (--shape=NAME:1x1..512)
                               five rows of rank numbers: lower bounds; which length an
                               input's extent is, -1 for none; one that is added to it,
                               or -1; a number that is added; a number that an input's
                               extent is a multiple of. Extents of the same lengths
                               agree in a run */
  uint64_t bytes;           /* size of the buffer in bytes, with upper bounds that for
                               them; 0 is an empty tensor, whose pointer may be NULL */
  double scale;             /* real = scale * (value - zero_point); 0: the values
                               mean themselves */
  int64_t zero_point;       /* in the element type; 0 without a scale */
} qcc_tensor_info;

/*===-- Code --------------------------------------------------------------===*/

/* What a step sees of the run it belongs to. */
typedef struct qcc_frame {
  const void *const *in; /* n_inputs pointers, in the graph's order, as in qcc_run */
  void *const *out;      /* n_outputs pointers, in the graph's order */
  unsigned char *work;   /* the workspace, aligned to QCC_WORK_ALIGN */

  /* barrier(team, thread) returns once each thread of the run has called it as
   * often as this one: for steps whose threads need one another's results before
   * the end. NULL where the run has one thread; not for serial steps. */
  void (*barrier)(void *team, uint32_t thread);
  void *team;
} qcc_frame;

#define QCC_WORK_ALIGN 64u

/* One step: every thread of a run calls it once, with its own number in
 * [0, threads), and does units [U*thread/threads, U*(thread+1)/threads). A step
 * must assume no alignment of `in` and `out` beyond one byte, and must not read
 * or write a byte outside them. */
typedef void (*qcc_step_fn)(const qcc_frame *frame, uint32_t thread, uint32_t threads);

/* qcc_step_info.flags */
#define QCC_STEP_NO_BARRIER                                                                                  \
  1u                       /* the next step may start before this one ends                                   \
                              on other threads; ignored on the last step */
#define QCC_STEP_SERIAL 2u /* called on thread 0 only, with threads = 1 */

/* What all variants know of a step. Fixed for one QCC_ABI_VERSION. */
typedef struct qcc_step_info {
  const char *name;   /* the layer: ONNX node name, UTF-8, "" when unknown */
  const char *kernel; /* the kind of kernel, a short word such as "conv-u8" */
  uint64_t macs;      /* multiply-adds it performs, 0 where that says nothing */
  uint32_t flags;     /* QCC_STEP_* */
  uint32_t reserved;  /* 0 */
} qcc_step_info;

/* CPU features, as bits of qcc_variant.features and qcc_cpu_features(). Each
 * bit includes the operating system's support for the registers it needs. */
#define QCC_CPU_AVX2 ((uint64_t)1 << 0)
#define QCC_CPU_FMA ((uint64_t)1 << 1)
#define QCC_CPU_F16C ((uint64_t)1 << 2)
#define QCC_CPU_BMI2 ((uint64_t)1 << 3) /* with BMI1, LZCNT, POPCNT, MOVBE */
#define QCC_CPU_AVXVNNI ((uint64_t)1 << 4)
#define QCC_CPU_AVX512F ((uint64_t)1 << 8)
#define QCC_CPU_AVX512BW ((uint64_t)1 << 9)
#define QCC_CPU_AVX512DQ ((uint64_t)1 << 10)
#define QCC_CPU_AVX512VL ((uint64_t)1 << 11)
#define QCC_CPU_AVX512CD ((uint64_t)1 << 12)
#define QCC_CPU_AVX512VNNI ((uint64_t)1 << 13)
#define QCC_CPU_AVX512VBMI ((uint64_t)1 << 14)
#define QCC_CPU_AVX512BF16 ((uint64_t)1 << 15)
/* vdpbf16ps multiplies fewer numbers than FMA does in the same time: Intel's since Sapphire Rapids. */
#define QCC_CPU_SLOW_BF16 ((uint64_t)1 << 16)
#define QCC_CPU_DOTPROD ((uint64_t)1 << 32)
#define QCC_CPU_I8MM ((uint64_t)1 << 33)
#define QCC_CPU_BF16 ((uint64_t)1 << 34)
#define QCC_CPU_FP16 ((uint64_t)1 << 35)

/* What each word of --march asks of the CPU; x86-64 and armv8-a ask nothing. A
 * variant that uses more (vpermi2b needs VBMI) adds its bits. */
#define QCC_MARCH_AVX2 (QCC_CPU_AVX2 | QCC_CPU_FMA | QCC_CPU_F16C)
#define QCC_MARCH_AVXVNNI (QCC_MARCH_AVX2 | QCC_CPU_AVXVNNI)
#define QCC_MARCH_AVX512VNNI                                                                                 \
  (QCC_MARCH_AVX2 | QCC_CPU_AVX512F | QCC_CPU_AVX512BW | QCC_CPU_AVX512DQ | QCC_CPU_AVX512VL |               \
   QCC_CPU_AVX512VNNI)
#define QCC_MARCH_AVX512BF16 (QCC_MARCH_AVX512VNNI | QCC_CPU_AVX512BF16)
#define QCC_MARCH_DOTPROD QCC_CPU_DOTPROD
#define QCC_MARCH_I8MM (QCC_CPU_I8MM | QCC_CPU_DOTPROD)
#define QCC_MARCH_ARM_BF16 (QCC_CPU_BF16 | QCC_MARCH_I8MM)

/* The same steps for one instruction set. Fixed for one QCC_ABI_VERSION. */
typedef struct qcc_variant {
  const char *isa;          /* word of --march: "avx2"; never "native" */
  uint64_t features;        /* QCC_CPU_* bits that must all be there */
  const qcc_step_fn *steps; /* n_steps functions, in order of execution */
} qcc_variant;

/*===-- The descriptor ----------------------------------------------------===*/

/* qcc_model.device */
#define QCC_DEVICE_CPU 0u
#define QCC_DEVICE_CUDA 1u

/* qcc_model.flags */
#define QCC_MODEL_IN_PLACE                                                                                   \
  1u /* an output may be the memory of an input of the same type and shape, or of                            \
        one that differs where both have bounds: a state that the next run takes */

typedef struct qcc_runtime qcc_runtime;

/* Everything about a compiled model. All of it, whatever it points to included,
 * is constant and lives as long as the object that holds it. Fields are only
 * ever appended. */
typedef struct qcc_model {
  uint32_t abi_version;  /* QCC_ABI_VERSION, or QCC_ABI_VERSION_BOUNDED */
  uint32_t struct_bytes; /* sizeof(qcc_model) when it was compiled */
  const char *name;      /* PREFIX */
  const char *manifest;  /* JSON: the model's SHA-256, options, qcc version */

  /* PREFIX_run: like qcc_run, but trusts the size of `work`. */
  qcc_status (*run)(const void *const *in, void *const *out, void *work, qcc_pool *pool);

  /* The runtime inside a shared object (&qcc_rt_runtime); NULL in an object
   * file, whose program links the library itself. */
  const qcc_runtime *runtime;

  uint32_t n_inputs, n_outputs;
  const qcc_tensor_info *inputs;  /* n_inputs, in the graph's order */
  const qcc_tensor_info *outputs; /* n_outputs, in the graph's order */

  uint64_t workspace_bytes; /* what `work` must have at any alignment; 0: none */
  uint64_t weights_bytes;   /* of .rodata that all variants share; for reports */

  uint32_t n_steps, n_variants;
  const qcc_step_info *steps;  /* n_steps, shared by all variants */
  const qcc_variant *variants; /* n_variants, best first: a run takes the first
                                  whose features the CPU has */

  uint32_t device;         /* QCC_DEVICE_*: where the model runs. One for CUDA
                              has CPU variants only with --fallback=cpu */
  uint32_t flags;          /* QCC_MODEL_*; 0 in objects of earlier versions */
  const void *device_data; /* private to the device's part of the runtime */
} qcc_model;

/* What a shared object exports beside its descriptor, for dlopen. */
const qcc_model *qcc_get_model(void);

/*===-- Running -----------------------------------------------------------===*/

/* Runs a model. `in` and `out` hold one pointer for each input and output, in
 * the graph's order, at any alignment. `work` may be misaligned and dirty, and
 * is the run's own until it returns. Inputs may overlap each other; nothing else
 * may overlap, except that with QCC_MODEL_IN_PLACE an output may begin where an
 * input of the same type and shape does; where both have bounds, in extents that
 * have them in both, the shapes may differ. pool NULL: the calling thread alone.
 *
 * A model whose tensors have a min_shape (abi_version QCC_ABI_VERSION_BOUNDED) takes
 * twice as many pointers: in[n_inputs + i] to the shape of input i, of rank int64_t,
 * which the run reads, out[n_outputs + o] to room for that of output o, which it
 * writes; those of tensors of fixed shape may be NULL. A shape out of bounds is
 * QCC_ERR_SHAPE. An input holds what its shape says, dense, and need not be longer;
 * an output's buffer has `bytes`, of which the first are written, dense for its shape.
 *
 * Environment: QCC_ISA=<word of --march> forces a variant, QCC_DEVICE=cpu or
 * cuda the device; both are read at each run. */
qcc_status qcc_run(const qcc_model *model, const void *const *in, void *const *out, void *work,
                   size_t work_bytes, qcc_pool *pool);

/* Of a model for CUDA: puts a run into `stream`, a CUstream or cudaStream_t of the
 * first device's primary context (NULL: the default stream), and returns. The
 * tensors may be in the device's memory or the host's, where pinned memory lets the
 * copies run beside the program. Neither inputs nor outputs nor their shapes may be
 * touched until the stream has come past the run; also after an error, which may come when a part of
 * the run is in the stream. What goes wrong later is for the stream to report.
 * Before a stream is destroyed it must be synchronised.
 *
 * The first run in a stream compiles and uploads what is needed and waits for it. It
 * takes memory on the device that the stream keeps to the end of the process. There
 * is no fallback: QCC_ERR_NO_DEVICE without a device, with QCC_DEVICE=cpu, and for
 * models of CPUs. */
qcc_status qcc_run_async(const qcc_model *model, const void *const *in, void *const *out, void *stream);

/* The variant that a run on this machine would take, for reports and for
 * profilers that call the steps themselves. */
qcc_status qcc_select_variant(const qcc_model *model, const qcc_variant **variant);

/* QCC_CPU_* bits of this machine; probed once. */
uint64_t qcc_cpu_features(void);

/* The runtime's functions as data, for callers that loaded a shared object and
 * link no library of their own. Fields are only ever appended. */
struct qcc_runtime {
  uint32_t abi_version;  /* QCC_ABI_VERSION */
  uint32_t struct_bytes; /* sizeof(qcc_runtime) */
  const char *(*status_string)(qcc_status);
  qcc_pool *(*pool_create)(int);
  void (*pool_destroy)(qcc_pool *);
  int (*pool_threads)(const qcc_pool *);
  qcc_status (*run)(const qcc_model *, const void *const *, void *const *, void *, size_t, qcc_pool *);
  qcc_status (*select_variant)(const qcc_model *, const qcc_variant **);
  qcc_status (*run_async)(const qcc_model *, const void *const *, void *const *, void *);
};

/*===-- For generated code ------------------------------------------------===*/

/* PREFIX_run is qcc_rt_run(&PREFIX_model, in, out, work, SIZE_MAX, pool). */
qcc_status qcc_rt_run(const qcc_model *model, const void *const *in, void *const *out, void *work,
                      size_t work_bytes, qcc_pool *pool);

extern const qcc_runtime qcc_rt_runtime;

#ifdef __cplusplus
}
#endif

#endif /* QCC_RUNTIME_H */
