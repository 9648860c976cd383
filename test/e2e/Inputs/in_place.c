/* Runs a model of two inputs and two outputs, all of one type and shape, with its outputs in the memory of
 * its inputs, in every combination, and compares with a run in four buffers. */
#include "m.h"

#include <stdio.h>
#include <string.h>

enum { count = M_A_ELEMENTS };
static float given[2][count], wanted[2][count], memory[4][count];
static _Alignas(64) unsigned char work[M_WORKSPACE_BYTES];

/* Input i is memory[i]; output o is memory[places[o]]. */
static int differs(const int *places, qcc_pool *pool) {
  memcpy(memory, given, sizeof given);
  m_inputs in = {.a = memory[0], .b = memory[1]};
  m_outputs out = {.y = memory[places[0]], .z = memory[places[1]]};
  qcc_status status = m_run(&in, &out, work, pool);
  if (status != QCC_OK)
    printf("outputs in %d and %d: %s\n", places[0], places[1], qcc_status_string(status));
  int same = status == QCC_OK;
  for (int o = 0; o < 2 && same; ++o)
    for (int i = 0; i < count && same; ++i)
      if (memory[places[o]][i] != wanted[o][i] && wanted[o][i] == wanted[o][i]) {
        printf("outputs in %d and %d: output %d, element %d is %g, not %g\n", places[0], places[1], o, i,
               (double)memory[places[o]][i], (double)wanted[o][i]);
        same = 0;
      }
  return !same;
}

int main(void) {
  static const int apart[2] = {2, 3};
  for (int i = 0; i < 2 * count; ++i)
    given[i / count][i % count] = (float)((i * 37) % 101 - 50) / 25.0f;
  m_inputs in = {.a = given[0], .b = given[1]};
  m_outputs out = {.y = wanted[0], .z = wanted[1]};
  if (m_run(&in, &out, work, NULL) != QCC_OK)
    return 2;
  qcc_pool *pool = qcc_pool_create(2);
  int wrong = differs(apart, NULL);
  for (int y = 0; y < 4; ++y)
    for (int z = 0; z < 4; ++z)
      if (y != z) {
        int places[2] = {y, z};
        wrong += differs(places, NULL) + differs(places, pool);
      }
  /* Anything but the very place is refused. */
  out.y = memory[0] + 1;
  in.a = memory[0];
  wrong += m_run(&in, &out, work, NULL) != QCC_ERR_ARGUMENT;
  qcc_pool_destroy(pool);
  return wrong != 0;
}
