/* Runs a model on samples from stdin, its inputs one after the other, and writes its outputs: the model of
 * prefix `m`, or, with LOAD defined, the shared object that is named. */
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

int main(int argc, char **argv) {
  (void)argc, (void)argv;
#ifdef LOAD
  const qcc_model *m = load(argv[argc - 1]);
#else
  const qcc_model *m = &m_model;
#endif
  void **in = allocate(m->n_inputs * sizeof *in), **out = allocate(m->n_outputs * sizeof *out);
  void *work = allocate(m->workspace_bytes);
  const qcc_variant *variant;
  qcc_status status = SELECT_VARIANT(m, &variant);
  if (status == QCC_OK)
    fprintf(stderr, "%s\n", variant->isa);
  for (uint32_t i = 0; i < m->n_inputs; ++i)
    in[i] = allocate(m->inputs[i].bytes);
  for (uint32_t o = 0; o < m->n_outputs; ++o)
    out[o] = allocate(m->outputs[o].bytes);
  while (status == QCC_OK) {
    for (uint32_t i = 0; i < m->n_inputs; ++i)
      if (m->inputs[i].bytes && fread(in[i], m->inputs[i].bytes, 1, stdin) != 1)
        return feof(stdin) ? 0 : 2;
    status = m->run((const void *const *)in, out, work, NULL);
    for (uint32_t o = 0; o < m->n_outputs && status == QCC_OK; ++o)
      fwrite(out[o], 1, m->outputs[o].bytes, stdout);
  }
  fprintf(stderr, "status %d\n", (int)status);
  return 1;
}
