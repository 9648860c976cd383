/* The core's peak of multiply-adds: independent accumulators in registers, no
 * memory. In assembly, as a compiler would move the constant products out of
 * the loop. Built by bench.py with the system's compiler. */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <time.h>

#define ACCUMULATORS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define CLOBBERS                                                                                             \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
      "xmm13", "xmm14", "xmm15"

#define ZERO_XMM(n) "xorps %%xmm" #n ", %%xmm" #n "\n"
#define LOOP(name, isa, step)                                                                                \
  __attribute__((target(isa))) static void name(long count) {                                                \
    __asm__ volatile(ACCUMULATORS(ZERO_XMM) ZERO_XMM(13) ZERO_XMM(14)                                        \
                         ZERO_XMM(15) ".p2align 5\n1:\n" ACCUMULATORS(step) "dec %0\njnz 1b\n"               \
                     : "+r"(count)                                                                           \
                     :                                                                                       \
                     : "cc", CLOBBERS);                                                                      \
  }

#define DOT_ZMM(n) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #n "\n"
#define DOT_YMM(n) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #n "\n"
#define DOT_BF16(n) "vdpbf16ps %%zmm14, %%zmm15, %%zmm" #n "\n"
#define PAIR_YMM(n) "vpmaddwd %%ymm14, %%ymm15, %%ymm13\nvpaddd %%ymm13, %%ymm" #n ", %%ymm" #n "\n"
#define PAIR_XMM(n) "movdqa %%xmm15, %%xmm13\npmaddwd %%xmm14, %%xmm13\npaddd %%xmm13, %%xmm" #n "\n"
#define FMA_ZMM(n) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #n "\n"
#define FMA_YMM(n) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #n "\n"
#define MUL_XMM(n) "movaps %%xmm15, %%xmm13\nmulps %%xmm14, %%xmm13\naddps %%xmm13, %%xmm" #n "\n"

LOOP(dotZmm, "avx512f", DOT_ZMM)
LOOP(dotYmm, "avx2", DOT_YMM)
LOOP(dotBf16, "avx512f", DOT_BF16)
LOOP(pairYmm, "avx2", PAIR_YMM)
LOOP(pairXmm, "sse2", PAIR_XMM)
LOOP(fmaZmm, "avx512f", FMA_ZMM)
LOOP(fmaYmm, "avx2", FMA_YMM)
LOOP(mulXmm, "sse2", MUL_XMM)

/* By the words of --march; `macs` are those of one step. int8 sums are exact
 * ones: without VNNI that means products of 16-bit values. */
static const struct {
  const char *isa, *precision;
  void (*loop)(long);
  int macs;
} kinds[] = {
    {"avx512bf16", "bf16", dotBf16, 32}, {"avx512bf16", "int8", dotZmm, 64},
    {"avx512bf16", "fp32", fmaZmm, 16},  {"avx512vnni", "int8", dotZmm, 64},
    {"avx512vnni", "fp32", fmaZmm, 16},  {"avxvnni", "int8", dotYmm, 32},
    {"avxvnni", "fp32", fmaYmm, 8},      {"avx2", "int8", pairYmm, 16},
    {"avx2", "fp32", fmaYmm, 8},         {"x86-64", "int8", pairXmm, 8},
    {"x86-64", "fp32", mulXmm, 4},
};

enum { maxThreads = 64, steps = 12, count = 200000 };

static void *work(void *loop) {
  (*(void (**)(long))loop)(count);
  return NULL;
}

/* Thousands of millions of multiply-adds a second; 0 where it is not known. */
double qcc_bench_peak(const char *isa, const char *precision, int threads) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); ++i) {
    if (strcmp(kinds[i].isa, isa) || strcmp(kinds[i].precision, precision) || threads > maxThreads)
      continue;
    void (*loop)(long) = kinds[i].loop;
    pthread_t pool[maxThreads];
    struct timespec from, to;
    int started = 1;
    clock_gettime(CLOCK_MONOTONIC, &from);
    while (started < threads && !pthread_create(&pool[started], NULL, work, &loop))
      ++started;
    loop(count);
    for (int t = 1; t < started; ++t)
      pthread_join(pool[t], NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    return 1e-9 * kinds[i].macs * steps * (double)count * started / seconds;
  }
  return 0;
}
