/*===-- cuda.c - models compiled for NVIDIA GPUs ---------------------------===*
 *
 * The driver's library is loaded when a model first runs, never linked. A model's
 * code and constants go to the device once. What a run needs besides (a stream,
 * memory for workspace, inputs and outputs, the launches as a graph) is kept for the
 * next one, so that there is as much of it as ever ran at the same time. Runs in a
 * stream of the caller's follow one another, so that a stream has its own. All of it
 * lasts as long as the process.
 *
 *===----------------------------------------------------------------------===*/
#include "cuda.h"
#include "internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*===-- The driver --------------------------------------------------------===*/

typedef int result; /* CUresult: 0 is success */
typedef unsigned long long address;
typedef struct context_s *context;
typedef struct module_s *module;
typedef struct function_s *function;
typedef struct stream_s *stream;
typedef struct graph_s *graph;
typedef struct executable_s *executable;

/* Names as the library has them: the later version where there are two. */
#define DRIVER_FUNCTIONS(F)                                                                                  \
  F(init, "cuInit", (unsigned))                                                                              \
  F(get_device, "cuDeviceGet", (int *, int))                                                                 \
  F(get_attribute, "cuDeviceGetAttribute", (int *, int, int))                                                \
  F(retain, "cuDevicePrimaryCtxRetain", (context *, int))                                                    \
  F(push, "cuCtxPushCurrent_v2", (context))                                                                  \
  F(pop, "cuCtxPopCurrent_v2", (context *))                                                                  \
  F(load, "cuModuleLoadData", (module *, const void *))                                                      \
  F(unload, "cuModuleUnload", (module))                                                                      \
  F(find, "cuModuleGetFunction", (function *, module, const char *))                                         \
  F(allocate, "cuMemAlloc_v2", (address *, size_t))                                                          \
  F(release, "cuMemFree_v2", (address))                                                                      \
  F(create_stream, "cuStreamCreate", (stream *, unsigned))                                                   \
  F(destroy_stream, "cuStreamDestroy_v2", (stream))                                                          \
  F(to_device, "cuMemcpyHtoDAsync_v2", (address, const void *, size_t, stream))                              \
  F(launch, "cuLaunchKernel",                                                                                \
    (function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, stream, void **,        \
     void **))                                                                                               \
  F(copy, "cuMemcpyAsync", (address, address, size_t, stream))                                               \
  F(wait, "cuStreamSynchronize", (stream))

/* Of later drivers: without them the launches of a run are made one by one. */
#define GRAPH_FUNCTIONS(F)                                                                                   \
  F(begin_capture, "cuStreamBeginCapture_v2", (stream, int))                                                 \
  F(end_capture, "cuStreamEndCapture", (stream, graph *))                                                    \
  F(instantiate, "cuGraphInstantiateWithFlags", (executable *, graph, unsigned long long))                   \
  F(destroy_graph, "cuGraphDestroy", (graph))                                                                \
  F(launch_graph, "cuGraphLaunch", (executable, stream))

enum { compute_capability_major = 75, compute_capability_minor = 76, non_blocking = 1, of_this_thread = 1 };

static struct {
  qcc_status status; /* of finding a device */
  context context;
  unsigned sm;
  int has_graphs;
#define MEMBER(name, symbol, arguments) result(*name) arguments;
  DRIVER_FUNCTIONS(MEMBER)
  GRAPH_FUNCTIONS(MEMBER)
#undef MEMBER
} driver;

/* POSIX says that data pointers of dlsym are functions; C does not. */
static int find_symbol(void *library, const char *name, void *slot) {
  void *symbol = dlsym(library, name);
  memcpy(slot, &symbol, sizeof symbol);
  return symbol != NULL;
}

/* The toolkit's stub loads, too: only cuInit tells. */
static void find_device(void) {
  driver.status = QCC_ERR_NO_DEVICE;
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return;
#define FIND(name, symbol, arguments)                                                                        \
  if (!find_symbol(library, symbol, &driver.name))                                                           \
    return;
  DRIVER_FUNCTIONS(FIND)
#undef FIND
  driver.has_graphs = 1;
#define FIND(name, symbol, arguments) driver.has_graphs &= find_symbol(library, symbol, &driver.name);
  GRAPH_FUNCTIONS(FIND)
#undef FIND
  int device, major, minor;
  if (driver.init(0) || driver.get_device(&device, 0) ||
      driver.get_attribute(&major, compute_capability_major, device) ||
      driver.get_attribute(&minor, compute_capability_minor, device))
    return;
  driver.sm = (unsigned)(10 * major + minor);
  driver.status = driver.retain(&driver.context, device) ? QCC_ERR_DEVICE : QCC_OK;
}

/*===-- Models on the device ----------------------------------------------===*/

/* What one run has for itself. */
typedef struct session {
  struct session *next;
  stream stream;
  address memory;      /* the workspace, then inputs, outputs and their shapes */
  executable launches; /* NULL: there is no graph */
  stream of;           /* the caller's stream, of a session for one */
} session;

typedef struct loaded {
  struct loaded *next;
  const qcc_model *model;
  const void *data; /* model->device_data: another one may lie where an unloaded one did */
  module module;
  address constants;
  session *idle;
  session *of_streams;
  function functions[]; /* of the steps */
} loaded;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static loaded *models;

/* Kernels may read 64 bytes past a tensor, and cp.async wants alignment. */
static uint64_t with_slack(uint64_t bytes) { return (bytes + 64 + 255) / 256 * 256; }

static const qcc_cuda_image *choose_image(const qcc_cuda_program *program) {
  const char *forced = getenv("QCC_ISA");
  for (uint32_t i = program->n_images; i-- > 0;) {
    const qcc_cuda_image *image = &program->images[i];
    if (image->sm <= driver.sm && (!forced || !*forced || !strcmp(forced, image->isa)))
      return image;
  }
  return NULL;
}

static result upload_constants(loaded *entry, const qcc_cuda_program *program) {
  stream queue;
  result failed = driver.allocate(&entry->constants, with_slack(program->constants_bytes));
  if (failed || !program->constants_bytes)
    return failed;
  if ((failed = driver.create_stream(&queue, non_blocking)))
    return failed;
  failed = driver.to_device(entry->constants, program->constants, program->constants_bytes, queue);
  if (!failed)
    failed = driver.wait(queue);
  driver.destroy_stream(queue);
  return failed;
}

/* The assembled form runs on later GPUs of the same ten (sm_80: 8.6, 8.9). Where the driver does not take it,
 * PTX may do. */
static result load_image(loaded *entry, const qcc_cuda_image *image) {
  if (image->cubin && image->sm / 10 == driver.sm / 10 && !driver.load(&entry->module, image->cubin))
    return 0;
  return driver.load(&entry->module, image->ptx);
}

static result fill_entry(loaded *entry, const qcc_cuda_program *program, const qcc_cuda_image *image) {
  result failed = load_image(entry, image);
  for (uint32_t i = 0; i < program->n_steps && !failed; ++i)
    failed = driver.find(&entry->functions[i], entry->module, program->steps[i].kernel);
  return failed ? failed : upload_constants(entry, program);
}

static void drop_entry(loaded *entry) {
  if (entry->constants)
    driver.release(entry->constants);
  if (entry->module)
    driver.unload(entry->module);
  free(entry);
}

/* Under the mutex. */
static qcc_status load_model(const qcc_model *model, loaded **found) {
  for (loaded *entry = models; entry; entry = entry->next)
    if (entry->model == model && entry->data == model->device_data) {
      *found = entry;
      return QCC_OK;
    }
  const qcc_cuda_program *program = model->device_data;
  const qcc_cuda_image *image = choose_image(program);
  if (!image)
    return QCC_ERR_ISA;
  loaded *entry = calloc(1, sizeof *entry + program->n_steps * sizeof entry->functions[0]);
  if (!entry)
    return QCC_ERR_DEVICE;
  if (fill_entry(entry, program, image)) {
    drop_entry(entry);
    return QCC_ERR_DEVICE;
  }
  entry->model = model;
  entry->data = program;
  entry->next = models;
  *found = models = entry;
  return QCC_OK;
}

/*===-- Runs --------------------------------------------------------------===*/

/* What a session has memory for behind the workspace, in this order. */
static const uint32_t spaces[] = {QCC_CUDA_INPUT, QCC_CUDA_OUTPUT, QCC_CUDA_INPUT_SHAPE,
                                  QCC_CUDA_OUTPUT_SHAPE};
enum { n_spaces = sizeof spaces / sizeof *spaces };

static int is_of_inputs(uint32_t space) { return space == QCC_CUDA_INPUT || space == QCC_CUDA_INPUT_SHAPE; }

static uint64_t shape_bytes(const qcc_tensor_info *info) { return sizeof(int64_t) * info->rank; }

static uint64_t port_bytes(const qcc_model *model, uint32_t space, uint32_t index) {
  const qcc_tensor_info *info = is_of_inputs(space) ? &model->inputs[index] : &model->outputs[index];
  if (space == QCC_CUDA_INPUT || space == QCC_CUDA_OUTPUT)
    return with_slack(info->bytes);
  int bounded = model->abi_version == QCC_ABI_VERSION_BOUNDED && info->min_shape;
  return bounded ? with_slack(shape_bytes(info)) : 0;
}

/* Of all that lies before port `index` of space number `s`; all spaces: of everything. */
static uint64_t bytes_before(const qcc_model *model, uint32_t s, uint32_t index) {
  const qcc_cuda_program *program = model->device_data;
  uint64_t bytes = with_slack(program->workspace_bytes);
  for (uint32_t before = 0; before <= s && before < n_spaces; ++before) {
    uint32_t all = is_of_inputs(spaces[before]) ? model->n_inputs : model->n_outputs;
    for (uint32_t i = 0; i < (before == s ? index : all); ++i)
      bytes += port_bytes(model, spaces[before], i);
  }
  return bytes;
}

/* NULL where the device has no more memory. */
static session *make_session(const qcc_model *model) {
  session *made = calloc(1, sizeof *made);
  if (!made || driver.create_stream(&made->stream, non_blocking)) {
    free(made);
    return NULL;
  }
  if (driver.allocate(&made->memory, bytes_before(model, n_spaces, 0))) {
    driver.destroy_stream(made->stream);
    free(made);
    return NULL;
  }
  return made;
}

static address port_address(const qcc_model *model, const session *here, uint32_t space, uint32_t index) {
  uint32_t s = 0;
  while (spaces[s] != space)
    ++s;
  return here->memory + bytes_before(model, s, index);
}

static address pointer_address(const loaded *entry, const session *here, const qcc_cuda_pointer *pointer) {
  if (pointer->space == QCC_CUDA_WORKSPACE)
    return here->memory + pointer->offset;
  if (pointer->space == QCC_CUDA_CONSTANT)
    return entry->constants + pointer->offset;
  return port_address(entry->model, here, pointer->space, pointer->index);
}

static result launch_step(const loaded *entry, const session *here, const qcc_cuda_step *step,
                          function kernel, stream queue) {
  address values[QCC_CUDA_MOST_POINTERS];
  void *arguments[QCC_CUDA_MOST_POINTERS];
  for (uint32_t p = 0; p < step->n_pointers; ++p) {
    values[p] = pointer_address(entry, here, &step->pointers[p]);
    arguments[p] = &values[p];
  }
  return driver.launch(kernel, step->blocks, 1, 1, step->threads, 1, 1, 0, queue, arguments, NULL);
}

static result launch_steps(const loaded *entry, const session *here, stream queue) {
  const qcc_cuda_program *program = entry->model->device_data;
  result failed = 0;
  for (uint32_t s = 0; s < program->n_steps && !failed; ++s)
    failed = launch_step(entry, here, &program->steps[s], entry->functions[s], queue);
  return failed;
}

/* The launches as a graph, which starts at once. Without one they are made each time. */
static void capture(const loaded *entry, session *here) {
  graph captured = NULL;
  if (!driver.has_graphs || driver.begin_capture(here->stream, of_this_thread))
    return;
  result failed = launch_steps(entry, here, here->stream);
  if (!driver.end_capture(here->stream, &captured) && !failed &&
      driver.instantiate(&here->launches, captured, 0))
    here->launches = NULL;
  if (captured)
    driver.destroy_graph(captured);
}

/* Under the mutex. */
static session *take_session(loaded *entry) {
  session *taken = entry->idle;
  if (taken)
    entry->idle = taken->next;
  else if ((taken = make_session(entry->model)))
    capture(entry, taken);
  return taken;
}

static session *session_of(loaded *entry, stream of) {
  for (session *known = entry->of_streams; known; known = known->next)
    if (known->of == of)
      return known;
  session *made = make_session(entry->model);
  if (!made)
    return NULL;
  capture(entry, made);
  made->of = of;
  made->next = entry->of_streams;
  return entry->of_streams = made;
}

static result run_steps(const loaded *entry, const session *here, stream queue) {
  return here->launches ? driver.launch_graph(here->launches, queue) : launch_steps(entry, here, queue);
}

static result copy_input(const qcc_model *model, const session *here, const qcc_frame *frame, uint32_t i,
                         stream queue) {
  uint64_t bytes = qcc_rt_input_bytes(model, frame->in, i);
  const void *shape = qcc_rt_input_shape(model, frame->in, i);
  result failed = 0;
  if (bytes)
    failed = driver.copy(port_address(model, here, QCC_CUDA_INPUT, i), (uintptr_t)frame->in[i], bytes, queue);
  if (shape && !failed)
    failed = driver.copy(port_address(model, here, QCC_CUDA_INPUT_SHAPE, i), (uintptr_t)shape,
                         shape_bytes(&model->inputs[i]), queue);
  return failed;
}

/* All of a bounded output: how much of it the run has written, only the device knows. */
static result copy_output(const qcc_model *model, const session *here, const qcc_frame *frame, uint32_t o,
                          stream queue) {
  uint64_t bytes = model->outputs[o].bytes;
  const void *shape = qcc_rt_output_shape(model, frame->out, o);
  result failed = 0;
  if (bytes)
    failed =
        driver.copy((uintptr_t)frame->out[o], port_address(model, here, QCC_CUDA_OUTPUT, o), bytes, queue);
  if (shape && !failed)
    failed = driver.copy((uintptr_t)shape, port_address(model, here, QCC_CUDA_OUTPUT_SHAPE, o),
                         shape_bytes(&model->outputs[o]), queue);
  return failed;
}

/* The driver sees by a pointer whether it is the device's. */
static result queue_session(const loaded *entry, const session *here, const qcc_frame *frame, stream queue) {
  const qcc_model *model = entry->model;
  result failed = 0;
  for (uint32_t i = 0; i < model->n_inputs && !failed; ++i)
    failed = copy_input(model, here, frame, i, queue);
  if (!failed)
    failed = run_steps(entry, here, queue);
  for (uint32_t o = 0; o < model->n_outputs && !failed; ++o)
    failed = copy_output(model, here, frame, o, queue);
  return failed;
}

static result run_session(const loaded *entry, const session *here, const qcc_frame *frame) {
  result failed = queue_session(entry, here, frame, here->stream);
  result late = driver.wait(here->stream); /* in any case: copies may be under way */
  return failed ? failed : late;
}

/* Under the mutex to the end: what two threads put into one stream must not mix. */
static qcc_status queue_here(const qcc_model *model, const qcc_frame *frame, stream queue) {
  loaded *entry;
  pthread_mutex_lock(&mutex);
  qcc_status status = load_model(model, &entry);
  if (status == QCC_OK) {
    session *here = session_of(entry, queue);
    if (!here || queue_session(entry, here, frame, queue))
      status = QCC_ERR_DEVICE;
  }
  pthread_mutex_unlock(&mutex);
  return status;
}

static qcc_status run_here(const qcc_model *model, const qcc_frame *frame) {
  loaded *entry;
  session *here = NULL;
  pthread_mutex_lock(&mutex);
  qcc_status status = load_model(model, &entry);
  if (status == QCC_OK && !(here = take_session(entry)))
    status = QCC_ERR_DEVICE;
  pthread_mutex_unlock(&mutex);
  if (status != QCC_OK)
    return status;
  if (run_session(entry, here, frame))
    status = QCC_ERR_DEVICE;
  pthread_mutex_lock(&mutex);
  here->next = entry->idle;
  entry->idle = here;
  pthread_mutex_unlock(&mutex);
  return status;
}

static qcc_status enter_device(void) {
  pthread_once(&once, find_device);
  if (driver.status != QCC_OK)
    return driver.status;
  return driver.push(driver.context) ? QCC_ERR_DEVICE : QCC_OK;
}

static qcc_status leave_device(qcc_status status) {
  context before;
  driver.pop(&before);
  return status;
}

qcc_status qcc_rt_cuda_run(const qcc_model *model, const qcc_frame *frame) {
  qcc_status status = enter_device();
  return status == QCC_OK ? leave_device(run_here(model, frame)) : status;
}

qcc_status qcc_rt_cuda_run_async(const qcc_model *model, const qcc_frame *frame, void *queue) {
  qcc_status status = enter_device();
  return status == QCC_OK ? leave_device(queue_here(model, frame, queue)) : status;
}
