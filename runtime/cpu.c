/*===-- cpu.c - which instructions this machine has ------------------------===*/
#include "internal.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#include <cpuid.h>

typedef struct {
  unsigned a, b, c, d;
} registers;

static registers cpuid(unsigned leaf, unsigned subleaf) {
  registers r = {0, 0, 0, 0};
  if (__get_cpuid_max(leaf & 0x80000000u, NULL) >= leaf)
    __cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
  return r;
}

/* Which register files the operating system saves: XCR0. */
static unsigned saved_state(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static uint64_t bit(unsigned word, unsigned position, uint64_t feature) {
  return word >> position & 1u ? feature : 0;
}

static int is_intel(void) {
  registers vendor = cpuid(0, 0);
  return vendor.b == signature_INTEL_ebx && vendor.c == signature_INTEL_ecx &&
         vendor.d == signature_INTEL_edx;
}

static uint64_t avx512_features(registers leaf7, registers leaf7_1) {
  /* AVX512_FP16 came with Sapphire Rapids, whose matrix unit took over; Cooper Lake is fast. */
  int has_fp16 = leaf7.d >> 23 & 1u;
  return (has_fp16 && is_intel() ? bit(leaf7_1.a, 5, QCC_CPU_SLOW_BF16) : 0) |
         bit(leaf7.b, 16, QCC_CPU_AVX512F) | bit(leaf7.b, 17, QCC_CPU_AVX512DQ) |
         bit(leaf7.b, 28, QCC_CPU_AVX512CD) | bit(leaf7.b, 30, QCC_CPU_AVX512BW) |
         bit(leaf7.b, 31, QCC_CPU_AVX512VL) | bit(leaf7.c, 1, QCC_CPU_AVX512VBMI) |
         bit(leaf7.c, 11, QCC_CPU_AVX512VNNI) | bit(leaf7_1.a, 5, QCC_CPU_AVX512BF16);
}

static uint64_t probe(void) {
  const unsigned osxsave = 1u << 27, avx = 1u << 28, movbe = 1u << 22, popcnt = 1u << 23;
  const unsigned ymm = 0x06, zmm = 0xe6;
  registers leaf1 = cpuid(1, 0);
  if (!(leaf1.c & osxsave) || !(leaf1.c & avx))
    return 0;
  unsigned saved = saved_state();
  if ((saved & ymm) != ymm)
    return 0;
  registers leaf7 = cpuid(7, 0);
  registers leaf7_1 = {0, 0, 0, 0};
  if (leaf7.a >= 1)
    leaf7_1 = cpuid(7, 1);
  uint64_t features = bit(leaf7.b, 5, QCC_CPU_AVX2) | bit(leaf1.c, 12, QCC_CPU_FMA) |
                      bit(leaf1.c, 29, QCC_CPU_F16C) | bit(leaf7_1.a, 4, QCC_CPU_AVXVNNI);
  int bmi = (leaf7.b >> 3 & 1u) && (leaf7.b >> 8 & 1u) && (cpuid(0x80000001u, 0).c >> 5 & 1u);
  if (bmi && (leaf1.c & movbe) && (leaf1.c & popcnt))
    features |= QCC_CPU_BMI2;
  if ((saved & zmm) == zmm)
    features |= avx512_features(leaf7, leaf7_1);
  return features;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* Linux's numbers, for C libraries whose headers are older than they are. */
static uint64_t probe(void) {
  unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
  return (one >> 10 & 1 ? QCC_CPU_FP16 : 0) | (one >> 20 & 1 ? QCC_CPU_DOTPROD : 0) |
         (two >> 13 & 1 ? QCC_CPU_I8MM : 0) | (two >> 14 & 1 ? QCC_CPU_BF16 : 0);
}

#else

static uint64_t probe(void) { return 0; }

#endif

uint64_t qcc_cpu_features(void) {
  /* CPUID traps in virtual machines and takes tens of microseconds there, so the
   * answer is kept. Threads that race store the same value. */
  static _Atomic uint64_t known;
  const uint64_t probed = (uint64_t)1 << 63;
  uint64_t features = atomic_load_explicit(&known, memory_order_relaxed);
  if (!features) {
    features = probe() | probed;
    atomic_store_explicit(&known, features, memory_order_relaxed);
  }
  return features & ~probed;
}
