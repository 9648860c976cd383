/* Runs two models that live in one program and prints what they compute; reads the
 * same as C and as C++. With LIBRARY, only a function for a program to call. */
#include "first.h"
#include "second.h"
#include <stdio.h>

#ifdef __cplusplus
extern "C"
#endif
    int run_both(void);

#ifndef PROGRAM
static float x[FIRST_X_ELEMENTS], y[FIRST_Y_ELEMENTS], z[SECOND_Y_ELEMENTS];
static unsigned char work[FIRST_WORKSPACE_BYTES + SECOND_WORKSPACE_BYTES];

int run_both(void) {
  first_inputs in;
  first_outputs out;
  second_inputs second_in;
  second_outputs second_out;
  int i;
  for (i = 0; i < FIRST_X_ELEMENTS; ++i)
    x[i] = (float)(i * 37 % 101) / 50 - 1;
  in.x = x;
  out.y = y;
  second_in.x = x;
  second_out.y = z;
  if (first_run(&in, &out, work, NULL) != QCC_OK ||
      second_run(&second_in, &second_out, work + FIRST_WORKSPACE_BYTES, NULL) != QCC_OK)
    return 1;
  for (i = 0; i < FIRST_Y_ELEMENTS; ++i)
    printf("%.9g %.9g\n", (double)y[i], (double)z[i]);
  return first_model.n_outputs != 1 || second_model.n_inputs != 1;
}
#endif

#ifndef LIBRARY
int main(void) { return run_both(); }
#endif
