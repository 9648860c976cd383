/* Serves calls of kernels over stdin and stdout: the other end of test/kernels/Emulator.cpp.
 *
 * A request is six numbers (kernel, pointers, buffers, begin, end, 0), for each pointer the number of its
 * buffer and the offset there, for each buffer its bytes' number and the bytes. The answer is all buffers'
 * bytes. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

extern void (*const kernels[])(void);

enum { most = 8, page = 4096 };

typedef struct {
  uint8_t *mapping, *data;
  uint64_t bytes, mapped;
} buffer;

static void receive(void *to, size_t bytes) {
  if (bytes && fread(to, bytes, 1, stdin) != 1)
    exit(feof(stdin) ? 0 : 1);
}

/* Ends where a page ends that may not be touched. */
static buffer map(uint64_t bytes) {
  buffer b = {NULL, NULL, bytes, (bytes + page - 1) / page * page + page};
  b.mapping = mmap(NULL, b.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (b.mapping == MAP_FAILED || mprotect(b.mapping + b.mapped - page, page, PROT_NONE))
    exit(2);
  b.data = b.mapping + b.mapped - page - bytes;
  return b;
}

static void call(void (*f)(void), uint64_t count, void **p, int64_t begin, int64_t end) {
  typedef void *v;
  typedef int64_t i;
  switch (count) {
  case 1:
    ((void (*)(v, i, i))f)(p[0], begin, end);
    break;
  case 2:
    ((void (*)(v, v, i, i))f)(p[0], p[1], begin, end);
    break;
  case 3:
    ((void (*)(v, v, v, i, i))f)(p[0], p[1], p[2], begin, end);
    break;
  case 4:
    ((void (*)(v, v, v, v, i, i))f)(p[0], p[1], p[2], p[3], begin, end);
    break;
  case 5:
    ((void (*)(v, v, v, v, v, i, i))f)(p[0], p[1], p[2], p[3], p[4], begin, end);
    break;
  case 6:
    ((void (*)(v, v, v, v, v, v, i, i))f)(p[0], p[1], p[2], p[3], p[4], p[5], begin, end);
    break;
  default:
    exit(3);
  }
}

int main(void) {
  for (;;) {
    uint64_t head[6], which[2 * most];
    receive(head, sizeof head);
    if (head[1] > most || head[2] > most)
      return 4;
    receive(which, head[1] * 2 * sizeof *which);
    buffer buffers[most];
    void *pointers[most];
    for (uint64_t b = 0; b < head[2]; ++b) {
      uint64_t bytes;
      receive(&bytes, sizeof bytes);
      buffers[b] = map(bytes);
      receive(buffers[b].data, bytes);
    }
    for (uint64_t k = 0; k < head[1]; ++k)
      pointers[k] = buffers[which[2 * k]].data + which[2 * k + 1];
    call(kernels[head[0]], head[1], pointers, (int64_t)head[3], (int64_t)head[4]);
    for (uint64_t b = 0; b < head[2]; ++b) {
      if (buffers[b].bytes && fwrite(buffers[b].data, buffers[b].bytes, 1, stdout) != 1)
        return 5;
      munmap(buffers[b].mapping, buffers[b].mapped);
    }
    fflush(stdout);
  }
}
