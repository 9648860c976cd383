/* LD_PRELOADed into qcc: the FAIL_ALLOC-th allocation after main has installed its
 * handlers fails, and, with FAIL_ALLOC_ON, all later ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static atomic_long left;
static int goes_on;

void (*signal(int number, void (*handler)(int)))(int) {
  if (number == SIGPIPE) {
    const char *text = getenv("FAIL_ALLOC");
    goes_on = getenv("FAIL_ALLOC_ON") != NULL;
    atomic_store(&left, text ? atol(text) : 0);
  }
  struct sigaction action = {.sa_handler = handler};
  return sigaction(number, &action, NULL) ? SIG_ERR : SIG_DFL;
}

/* Whether this is the one. `left` is 0 outside main, and below it afterwards. */
static int fails(void) {
  long now = atomic_load(&left);
  if (now == 0)
    return 0;
  now = atomic_fetch_sub(&left, 1);
  if (now != 1 && !(goes_on && now < 1))
    return 0;
  if (now == 1)
    atomic_store(&left, -1);
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t bytes) { return fails() ? NULL : __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return fails() ? NULL : __libc_calloc(count, bytes); }
void *realloc(void *old, size_t bytes) { return fails() ? NULL : __libc_realloc(old, bytes); }
void *memalign(size_t alignment, size_t bytes) { return fails() ? NULL : __libc_memalign(alignment, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}
