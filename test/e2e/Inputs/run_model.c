/* Runs a model on samples from stdin, its inputs one after the other, and writes its outputs: the model of
 * prefix `m`, or, with LOAD defined, the shared object that is named. A shape that has bounds goes before its
 * tensor. */
#include "qcc/runtime.h"
#include <stdio.h>
#include <stdlib.h>

#ifdef LOAD
#include <dlfcn.h>
#define SELECT_VARIANT m->runtime->select_variant
typedef const qcc_model *(*getter)(void);

static const qcc_model *load(const char *path) {
  void *library = dlopen(path, RTLD_NOW);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    exit(4);
  }
  void *symbol = dlsym(library, "qcc_get_model");
  return (*(getter *)&symbol)();
}
#else
#define SELECT_VARIANT qcc_select_variant
extern const qcc_model m_model;
#endif

static void *allocate(uint64_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory)
    exit(3);
  return memory;
}

/* The bytes of a tensor in this run. */
static uint64_t bytes_of(const qcc_tensor_info *info, const int64_t *shape) {
  uint64_t most = 1, here = 1;
  for (uint32_t axis = 0; info->min_shape && axis < info->rank; ++axis) {
    most *= (uint64_t)info->shape[axis];
    here *= (uint64_t)shape[axis];
  }
  return info->bytes / most * here;
}

/* Pointers to tensors, and behind them to the shapes of those that have bounds. */
static void **ports(const qcc_tensor_info *infos, uint32_t count) {
  void **pointers = allocate(2 * count * sizeof *pointers);
  for (uint32_t i = 0; i < count; ++i) {
    pointers[i] = allocate(infos[i].bytes);
    pointers[count + i] = allocate(infos[i].rank * sizeof(int64_t));
  }
  return pointers;
}

/* 0 where there is nothing more to read. */
static int read_input(const qcc_tensor_info *info, void *data, void *shape) {
  if (info->min_shape && fread(shape, sizeof(int64_t) * info->rank, 1, stdin) != 1)
    return 0;
  uint64_t bytes = bytes_of(info, shape);
  return !bytes || fread(data, bytes, 1, stdin) == 1;
}

static void write_output(const qcc_tensor_info *info, const void *data, const void *shape) {
  if (info->min_shape)
    fwrite(shape, sizeof(int64_t), info->rank, stdout);
  fwrite(data, 1, bytes_of(info, shape), stdout);
}

int main(int argc, char **argv) {
  (void)argc, (void)argv;
#ifdef LOAD
  const qcc_model *m = load(argv[argc - 1]);
#else
  const qcc_model *m = &m_model;
#endif
  void **in = ports(m->inputs, m->n_inputs), **out = ports(m->outputs, m->n_outputs);
  void *work = allocate(m->workspace_bytes);
  const qcc_variant *variant;
  qcc_status status = SELECT_VARIANT(m, &variant);
  if (status == QCC_OK)
    fprintf(stderr, "%s\n", variant->isa);
  while (status == QCC_OK) {
    for (uint32_t i = 0; i < m->n_inputs; ++i)
      if (!read_input(&m->inputs[i], in[i], in[m->n_inputs + i]))
        return feof(stdin) ? 0 : 2;
    status = m->run((const void *const *)in, out, work, NULL);
    for (uint32_t o = 0; o < m->n_outputs && status == QCC_OK; ++o)
      write_output(&m->outputs[o], out[o], out[m->n_outputs + o]);
  }
  fprintf(stderr, "status %d\n", (int)status);
  return 1;
}
