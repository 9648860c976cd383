/* LD_PRELOADed into qcc: a kernel without openat2. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

long syscall(long number, ...) {
  (void)number; /* qcc makes no other call by number */
  errno = ENOSYS;
  return -1;
}
