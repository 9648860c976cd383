/* Feeds 20 chunks to a detector of speech, its state in place or in two buffers by turns; the outputs go to a
 * file. */
#include "m.h"

#include <stdio.h>
#include <string.h>

static _Alignas(64) unsigned char work[M_WORKSPACE_BYTES];
static float chunk[M_INPUT_ELEMENTS], states[2][M_STATE_ELEMENTS], probability[20];

static int speak(int in_place, qcc_pool *pool) {
  memset(states, 0, sizeof states);
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < M_INPUT_ELEMENTS; ++j)
      chunk[j] = (float)((i * 37 + j * j * 11) % 41 - 20) / 60.0f;
    float *from = states[in_place ? 0 : i % 2], *to = states[in_place ? 0 : 1 - i % 2];
    m_inputs in = {.input = chunk, .state = from};
    m_outputs out = {.output = probability + i, .stateN = to};
    qcc_status status = m_run(&in, &out, work, pool);
    if (status != QCC_OK) {
      printf("%s\n", qcc_status_string(status));
      return 1;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  FILE *file = fopen(argc > 1 ? argv[1] : "", "wb");
  qcc_pool *pool = qcc_pool_create(2);
  int wrong = !file;
  for (int i = 0; i < 4 && !wrong; ++i) {
    wrong = speak(i % 2, i < 2 ? NULL : pool);
    fwrite(probability, sizeof probability, 1, file);
    fwrite(states[0], sizeof states[0], 1, file);
  }
  qcc_pool_destroy(pool);
  return wrong;
}
