/* Classifies the test images of Fashion-MNIST with a compiled network.
 *
 *   classify images labels            how many are right, and how long one takes
 *   classify images labels NUMBER     shows one image and what it is taken for
 *
 * The files are t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, unpacked.
 */
#include "fashion.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COUNT = 10000, PIXELS = 28 * 28 };

static const char *const names[10] = {"T-shirt", "trousers", "pullover", "dress", "coat",
                                      "sandal",  "shirt",    "sneaker",  "bag",   "boot"};
static unsigned char images[COUNT][PIXELS];
static unsigned char labels[COUNT];
static unsigned char work[FASHION_WORKSPACE_BYTES];

static void fail(const char *what) {
  fprintf(stderr, "classify: error: %s\n", what);
  exit(1);
}

static void read_file(const char *path, long header, void *data, size_t bytes) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, header, SEEK_SET) != 0 || fread(data, 1, bytes, file) != bytes)
    fail("a file is missing or too short; give the unpacked images and labels");
  fclose(file);
}

/* The number of the class with the highest score. */
static int classify(const unsigned char *pixels) {
  float image[FASHION_IMAGE_ELEMENTS], scores[FASHION_SCORES_ELEMENTS];
  for (int i = 0; i < PIXELS; ++i)
    image[i] = (float)pixels[i] / 255.0f; /* as train.py does */

  fashion_inputs in = {.image = image};
  fashion_outputs out = {.scores = scores};
  qcc_status status = fashion_run(&in, &out, work, NULL);
  if (status != QCC_OK)
    fail(qcc_status_string(status));

  int best = 0;
  for (int i = 1; i < 10; ++i)
    if (scores[i] > scores[best])
      best = i;
  return best;
}

static void show(int number) {
  for (int i = 0; i < PIXELS; ++i)
    printf("%c%s", " .:-=+*#%@"[images[number][i] / 26], i % 28 == 27 ? "\n" : "");
  printf("taken for: %s\nit is:     %s\n", names[classify(images[number])], names[labels[number]]);
}

static void measure(void) {
  struct timespec begin, end;
  int right = 0;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < COUNT; ++i)
    right += classify(images[i]) == labels[i];
  clock_gettime(CLOCK_MONOTONIC, &end);
  double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
  printf("%.2f %% of %d are right, %.1f microseconds each\n", 100.0 * right / COUNT, COUNT,
         seconds / COUNT * 1e6);
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4)
    fail("usage: classify images labels [number]");
  read_file(argv[1], 16, images, sizeof images);
  read_file(argv[2], 8, labels, sizeof labels);
  if (argc == 3)
    measure();
  else if (atoi(argv[3]) >= 0 && atoi(argv[3]) < COUNT)
    show(atoi(argv[3]));
  else
    fail("the number must be from 0 to 9999");
  return 0;
}
