/* A program that runs the tiny model, linked in or (with an argument) loaded from
 * a shared object that holds a runtime of its own. Every buffer ends where
 * unreadable memory begins. Reads the same as C and as C++. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS; C++ compilers define it themselves */
#endif
#include "qcc/runtime.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#ifdef LOAD
#include <dlfcn.h>
#endif

static unsigned char *before_guard(size_t bytes) {
  const size_t page = 65536;
  unsigned char *pages =
      (unsigned char *)mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == (unsigned char *)MAP_FAILED || mprotect(pages + page, page, PROT_NONE) != 0)
    return NULL;
  return pages + page - bytes;
}

static int fail(const char *what) {
  printf("wrong: %s\n", what);
  return 1;
}

static int run(const qcc_model *model, qcc_pool *pool) {
  const float x[6] = {1, -2, 3, 0.5f, 0, -8}, expected[6] = {3, -12, 13, 2, -8, -9};
  const unsigned char b[2] = {0x81, 0x07}; /* 1, -8, 7 */
  const void *in[2];
  void *out[3];
  unsigned char *work = before_guard((size_t)model->workspace_bytes);
  for (uint32_t i = 0; i < 2; ++i) {
    unsigned char *buffer = before_guard((size_t)model->inputs[i].bytes);
    memcpy(buffer, i == 0 ? (const void *)x : (const void *)b, (size_t)model->inputs[i].bytes);
    in[i] = buffer;
  }
  for (uint32_t o = 0; o < 3; ++o)
    out[o] = before_guard((size_t)model->outputs[o].bytes);
  for (int round = 0; round < 100; ++round) {
    memset(out[0], 0, sizeof(expected));
    qcc_status status = round % 2 ? model->run(in, out, work, pool)
                                  : qcc_run(model, in, out, work, (size_t)model->workspace_bytes, pool);
    if (status != QCC_OK)
      return fail(qcc_status_string(status));
    if (memcmp(out[0], expected, sizeof(expected)) != 0)
      return fail("sum/y");
  }
  return 0;
}

int main(int argc, char **argv) {
  const int sizes[] = {1, 2, 16};
  const qcc_model *model = NULL;
#ifdef LOAD
  void *handle = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
  const qcc_model *(*get)(void) = NULL;
  if (handle)
    *(void **)&get = dlsym(handle, "qcc_get_model");
  if (get)
    model = get();
#else
  (void)argc, (void)argv;
  model = qcc_get_model();
#endif
  if (!model || run(model, NULL))
    return fail("alone");
  for (int i = 0; i < 3; ++i) {
    qcc_pool *pool = qcc_pool_create(sizes[i]);
    if (!pool || run(model, pool))
      return fail("with a pool");
    qcc_pool_destroy(pool);
  }
  printf("good\n");
  return 0;
}
