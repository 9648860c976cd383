/* Runs the model of prefix `m` on bytes from stdin and writes its outputs; ends with 3 where it cannot. */
#include "qcc/runtime.h"
#include <stdio.h>
#include <stdlib.h>

extern const qcc_model m_model;

/* Static, so that memory which main() leaves to the system is no leak. */
static void *in[8], *out[8], *work;

int main(void) {
  work = malloc(m_model.workspace_bytes + 1);
  for (uint32_t i = 0; i < m_model.n_inputs; ++i) {
    in[i] = malloc(m_model.inputs[i].bytes);
    if (fread(in[i], 1, m_model.inputs[i].bytes, stdin) != m_model.inputs[i].bytes)
      return 2;
  }
  for (uint32_t o = 0; o < m_model.n_outputs; ++o)
    out[o] = calloc(1, m_model.outputs[o].bytes);
  qcc_status status = m_model.run((const void *const *)in, out, work, NULL);
  if (status != QCC_OK) {
    fprintf(stderr, "%s\n", qcc_status_string(status));
    return 3;
  }
  for (uint32_t o = 0; o < m_model.n_outputs; ++o)
    fwrite(out[o], 1, m_model.outputs[o].bytes, stdout);
  return 0;
}
