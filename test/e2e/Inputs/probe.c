/* Runs a compiled model in ways that a program should not, or may but seldom does:
 * probe MODEL.so prints a hash of the outputs of a plain run, then checks that
 * every other way gives the same bytes, or the status it should. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "qcc/runtime.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TENSORS = 256, PAGE = 4096 };

static const qcc_model *model;
static qcc_status (*run_model)(const qcc_model *, const void *const *, void *const *, void *, size_t,
                               qcc_pool *);

/* One run's buffers. */
typedef struct {
  const void *in[MAX_TENSORS];
  void *out[MAX_TENSORS];
  void *work;
} buffers;

static buffers plain; /* with the outputs of the plain run */

static void die(const char *what, unsigned long number) {
  printf("wrong: %s (%lu)\n", what, number);
  exit(1);
}

/* Memory that ends (or begins) at a page nobody may touch. It is never given back. */
static unsigned char *guarded(size_t bytes, int at_begin) {
  size_t room = (bytes + PAGE - 1) / PAGE * PAGE;
  unsigned char *pages =
      (unsigned char *)mmap(NULL, room + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == (unsigned char *)MAP_FAILED ||
      (room && mprotect(pages + PAGE, room, PROT_READ | PROT_WRITE) != 0))
    die("no memory", bytes);
  memset(pages + PAGE, 0xa5, room);
  return at_begin ? pages + PAGE : pages + PAGE + room - bytes;
}

static unsigned char *place(size_t bytes, int how) {
  return how < 0 ? guarded(bytes, how == -2) : guarded(bytes + (size_t)how, 1) + how;
}

/* `how`: -1 before a guard page, -2 after one, else misaligned by so many bytes. */
static buffers make(int how) {
  buffers b = plain;
  for (uint32_t i = 0; i < model->n_inputs; ++i) {
    unsigned char *copy = place(model->inputs[i].bytes, how);
    if (plain.in[i])
      memcpy(copy, plain.in[i], model->inputs[i].bytes);
    b.in[i] = copy;
  }
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    b.out[o] = place(model->outputs[o].bytes, how);
  b.work = place(model->workspace_bytes, how);
  return b;
}

static qcc_status run(buffers *b, qcc_pool *pool) {
  return run_model(model, b->in, b->out, b->work, model->workspace_bytes, pool);
}

static void same(const buffers *b, const char *what, unsigned long number) {
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    if (memcmp(b->out[o], plain.out[o], model->outputs[o].bytes) != 0)
      die(what, number * 1000 + o);
}

static void check(int how, const char *what) {
  buffers b = make(how);
  qcc_status status = run(&b, NULL);
  if (status != QCC_OK)
    die(qcc_status_string(status), (unsigned long)how);
  same(&b, what, (unsigned long)how);
}

/*===-- What a program may do ---------------------------------------------===*/

static void *run_often(void *argument) {
  buffers b = make((int)(size_t)argument);
  for (int i = 0; i < 10; ++i) {
    if (run(&b, NULL) != QCC_OK)
      die("a thread's run", (unsigned long)i);
    same(&b, "threads disturb each other", (unsigned long)i);
  }
  return NULL;
}

static void threads(void) {
  pthread_t all[16];
  for (size_t i = 0; i < 16; ++i)
    if (pthread_create(&all[i], NULL, run_often, (void *)i) != 0)
      die("no thread", (unsigned long)i);
  for (int i = 0; i < 16; ++i)
    pthread_join(all[i], NULL);
}

static void pools(void) {
  const int sizes[] = {1, 2, 3, 16};
  for (int i = 0; i < 4; ++i) {
    qcc_pool *pool = qcc_pool_create(sizes[i]);
    buffers b = make(-1);
    for (int round = 0; round < 5; ++round) {
      if (!pool || run(&b, pool) != QCC_OK)
        die("a pool's run", (unsigned long)i);
      same(&b, "the number of threads matters", (unsigned long)sizes[i]);
    }
    pid_t child = fork();
    if (child == 0) {
      if (run(&b, pool) != QCC_OK)
        _exit(1);
      same(&b, "a forked process", 0);
      _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
      die("a forked process", (unsigned long)status);
    qcc_pool_destroy(pool);
  }
}

static void small_stack(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  if (pthread_attr_setstacksize(&attributes, 64 * 1024) != 0 ||
      pthread_create(&thread, &attributes, run_often, (void *)0) != 0)
    die("no small stack", 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
}

/* All values that may be in a buffer: the run ends, and ends the same twice. */
static void any_bytes(void) {
  const unsigned char bytes[] = {0x00, 0x7f, 0x80, 0xff, 0x01};
  const unsigned words[] = {0x7fc00000u, 0x7f800000u, 0xff800000u, 0x00000001u, 0x807fffffu, 0x7f7fffffu};
  buffers first = make(-1), second = make(-2);
  for (int pattern = 0; pattern < 11; ++pattern) {
    for (uint32_t i = 0; i < model->n_inputs; ++i) {
      unsigned char *to = (unsigned char *)first.in[i];
      size_t size = (size_t)model->inputs[i].bytes;
      if (pattern < 5)
        memset(to, bytes[pattern], size);
      else if (model->inputs[i].type == QCC_TYPE_F32)
        for (size_t at = 0; at + 4 <= size; at += 4)
          memcpy(to + at, at % 12 == 0 ? (const void *)&words[pattern - 5] : (const char *)plain.in[i] + at,
                 4);
      memcpy((void *)second.in[i], to, size);
    }
    if (run(&first, NULL) != QCC_OK || run(&second, NULL) != QCC_OK)
      die("any bytes", (unsigned long)pattern);
    for (uint32_t o = 0; o < model->n_outputs; ++o)
      if (memcmp(first.out[o], second.out[o], (size_t)model->outputs[o].bytes) != 0)
        die("any bytes give other outputs the second time", (unsigned long)(pattern * 1000 + (int)o));
    if (model->inputs[0].type != QCC_TYPE_F32)
      for (uint32_t o = 0; o < model->n_outputs; ++o)
        printf("%02x", ((const unsigned char *)first.out[o])[0]);
  }
}

/*===-- What it may not ---------------------------------------------------===*/

static void wrong_arguments(void) {
  buffers b = make(0);
  size_t bytes = (size_t)model->workspace_bytes;
  if (run_model(model, NULL, b.out, b.work, bytes, NULL) != QCC_ERR_ARGUMENT ||
      run_model(model, b.in, NULL, b.work, bytes, NULL) != QCC_ERR_ARGUMENT ||
      run_model(NULL, b.in, b.out, b.work, bytes, NULL) != QCC_ERR_ARGUMENT)
    die("NULL", 0);
  if (bytes && (run_model(model, b.in, b.out, NULL, bytes, NULL) != QCC_ERR_ARGUMENT ||
                run_model(model, b.in, b.out, b.work, bytes - 1, NULL) != QCC_ERR_WORKSPACE))
    die("workspace", 0);
  for (uint32_t i = 0; i < model->n_inputs; ++i) {
    buffers c = b;
    c.in[i] = NULL;
    if (model->inputs[i].bytes && run(&c, NULL) != QCC_ERR_ARGUMENT)
      die("NULL input", i);
    c.in[i] = (char *)c.out[0] + 1;
    if (model->inputs[i].bytes && model->outputs[0].bytes > 1 && run(&c, NULL) != QCC_ERR_ARGUMENT)
      die("an input in an output", i);
    c.in[i] = (char *)c.work + bytes - 1;
    if (model->inputs[i].bytes && bytes && run(&c, NULL) != QCC_ERR_ARGUMENT)
      die("an input in the workspace", i);
  }
  for (uint32_t o = 0; o < model->n_outputs; ++o) {
    buffers c = b;
    c.out[o] = NULL;
    if (model->outputs[o].bytes && run(&c, NULL) != QCC_ERR_ARGUMENT)
      die("NULL output", o);
    c.out[o] = c.out[(o + 1) % model->n_outputs];
    if (model->n_outputs > 1 && model->outputs[o].bytes && model->outputs[(o + 1) % model->n_outputs].bytes &&
        run(&c, NULL) != QCC_ERR_ARGUMENT)
      die("two outputs in one", o);
  }
}

int main(int argc, char **argv) {
  void *handle = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
  const qcc_model *(*get)(void) = NULL;
  if (handle)
    *(void **)&get = dlsym(handle, "qcc_get_model");
  if (!get)
    die("not a model", 0);
  model = get();
  run_model = model->runtime->run;
  if (model->n_inputs > MAX_TENSORS || model->n_outputs > MAX_TENSORS)
    die("too many tensors", model->n_inputs);
  unsigned seed = 1;
  buffers b = make(0);
  for (uint32_t i = 0; i < model->n_inputs; ++i)
    for (size_t at = 0; at < model->inputs[i].bytes; ++at) {
      seed = seed * 1664525u + 1013904223u;
      unsigned char byte = (unsigned char)(seed >> 24);
      if (model->inputs[i].type == QCC_TYPE_F32)
        byte = at % 4 == 3 ? 0x3e + (byte & 0x80) : byte; /* 0.125 to 0.5, either sign */
      ((unsigned char *)b.in[i])[at] = byte;
    }
  plain = b;
  qcc_status status = run(&plain, NULL);
  if (status != QCC_OK)
    die(qcc_status_string(status), 0);
  unsigned long hash = 14695981039346656037ul;
  for (uint32_t o = 0; o < model->n_outputs; ++o)
    for (size_t at = 0; at < model->outputs[o].bytes; ++at)
      hash = (hash ^ ((unsigned char *)plain.out[o])[at]) * 1099511628211ul;
  check(-1, "before a guard page");
  check(-2, "after a guard page");
  for (int shift = 1; shift < 64; ++shift)
    check(shift, "misaligned");
  threads();
  pools();
  small_stack();
  wrong_arguments();
  printf("%016lx ", hash);
  any_bytes();
  printf(" good\n");
  return 0;
}
