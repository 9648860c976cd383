/* Prints what the runtime knows of an Arm processor. */
#include "qcc/runtime.h"
#include <stdio.h>

static int has(uint64_t feature) { return (qcc_cpu_features() & feature) != 0; }

int main(void) {
  printf("dotprod %d, i8mm %d, bf16 %d, fp16 %d\n", has(QCC_CPU_DOTPROD), has(QCC_CPU_I8MM),
         has(QCC_CPU_BF16), has(QCC_CPU_FP16));
  return 0;
}
