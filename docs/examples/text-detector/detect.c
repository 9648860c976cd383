/* Finds words in a picture with two compiled models, the float and the INT8 one
 * of the same network, linked into one program.
 *
 *   detect picture.ppm boxes.ppm
 *
 * The network gives each pixel a likelihood of being text. Pixels above a
 * threshold that touch each other are a word; its box is drawn into boxes.ppm.
 */
#include "text_float.h"
#include "text_int8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 640, PIXELS = SIZE * SIZE, SMALLEST = 60, RUNS = 8 };
static const float threshold = 0.3f;

static unsigned char picture[3 * PIXELS];
static float input[3 * PIXELS];
static float map[PIXELS];
static unsigned char seen[PIXELS];
static int stack[PIXELS];
static unsigned char work_float[TEXT_FLOAT_WORKSPACE_BYTES];
static unsigned char work_int8[TEXT_INT8_WORKSPACE_BYTES];

static void fail(const char *what) {
  fprintf(stderr, "detect: error: %s\n", what);
  exit(1);
}

static void read_picture(const char *path) {
  int width, height, most;
  FILE *file = fopen(path, "rb");
  if (!file || fscanf(file, "P6 %d %d %d", &width, &height, &most) != 3 || fgetc(file) == EOF)
    fail("no PPM picture to read");
  if (width != SIZE || height != SIZE || most != 255)
    fail("the picture must be 640 x 640 pixels of 8 bits");
  if (fread(picture, 1, sizeof picture, file) != sizeof picture)
    fail("the picture ends early");
  fclose(file);
}

static void write_picture(const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file || fprintf(file, "P6\n%d %d\n255\n", SIZE, SIZE) < 0 ||
      fwrite(picture, 1, sizeof picture, file) != sizeof picture || fclose(file) != 0)
    fail("the picture cannot be written");
}

/* What the network was trained with: planes in the order blue, green, red, from -1 to 1. */
static void prepare(void) {
  for (int channel = 0; channel < 3; ++channel)
    for (int i = 0; i < PIXELS; ++i)
      input[channel * PIXELS + i] = (float)picture[3 * i + 2 - channel] / 127.5f - 1.0f;
}

static qcc_status run_float(void) {
  text_float_inputs in = {.x = input};
  text_float_outputs out = {.sigmoid_0_tmp_0 = map};
  return text_float_run(&in, &out, work_float, NULL);
}

static qcc_status run_int8(void) {
  text_int8_inputs in = {.x = input};
  text_int8_outputs out = {.sigmoid_0_tmp_0 = map};
  return text_int8_run(&in, &out, work_int8, NULL);
}

/* The shortest of several runs, in milliseconds. */
static double measure(qcc_status (*run)(void)) {
  double best = 1e30;
  for (int i = 0; i < RUNS; ++i) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    qcc_status status = run();
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (status != QCC_OK)
      fail(qcc_status_string(status));
    double ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
    best = ms < best ? ms : best;
  }
  return best;
}

static int is_text(int i) { return map[i] > threshold && !seen[i]; }

typedef struct {
  int left, top, right, bottom, pixels;
} box;

/* All text pixels that touch pixel `start`, directly or through others. */
static box grow(int start) {
  box b = {SIZE, SIZE, 0, 0, 0};
  int depth = 0;
  stack[depth++] = start;
  seen[start] = 1;
  while (depth > 0) {
    int i = stack[--depth], x = i % SIZE, y = i / SIZE;
    const int next[4] = {x > 0 ? i - 1 : i, x < SIZE - 1 ? i + 1 : i, y > 0 ? i - SIZE : i,
                         y < SIZE - 1 ? i + SIZE : i};
    b.left = x < b.left ? x : b.left;
    b.right = x > b.right ? x : b.right;
    b.top = y < b.top ? y : b.top;
    b.bottom = y > b.bottom ? y : b.bottom;
    ++b.pixels;
    for (int n = 0; n < 4; ++n)
      if (is_text(next[n])) {
        seen[next[n]] = 1;
        stack[depth++] = next[n];
      }
  }
  return b;
}

/* The network marks words smaller than they are; this is how much, from the shape. */
static box widen(box b) {
  int width = b.right - b.left + 1, height = b.bottom - b.top + 1;
  int by = (int)(1.5 * width * height / (2.0 * (width + height)) + 0.5);
  b.left = b.left > by ? b.left - by : 0;
  b.top = b.top > by ? b.top - by : 0;
  b.right = b.right + by < SIZE ? b.right + by : SIZE - 1;
  b.bottom = b.bottom + by < SIZE ? b.bottom + by : SIZE - 1;
  return b;
}

static void paint(int x, int y) {
  static const unsigned char red[3] = {220, 20, 20};
  memcpy(&picture[3 * (y * SIZE + x)], red, sizeof red);
}

static void frame(box b) {
  for (int x = b.left; x <= b.right; ++x)
    paint(x, b.top), paint(x, b.bottom);
  for (int y = b.top; y <= b.bottom; ++y)
    paint(b.left, y), paint(b.right, y);
}

static void find_boxes(const char *name, int draw) {
  memset(seen, 0, sizeof seen);
  for (int i = 0; i < PIXELS; ++i) {
    if (!is_text(i))
      continue;
    box b = grow(i);
    if (b.pixels < SMALLEST)
      continue;
    b = widen(b);
    printf("%s box %d %d %d %d\n", name, b.left, b.top, b.right, b.bottom);
    if (draw)
      frame(b);
  }
}

int main(int argc, char **argv) {
  if (argc != 3)
    fail("usage: detect picture.ppm boxes.ppm");
  read_picture(argv[1]);
  prepare();
  printf("float ms %.1f\nfloat workspace %zu\n", measure(run_float), (size_t)TEXT_FLOAT_WORKSPACE_BYTES);
  find_boxes("float", 0);
  printf("int8 ms %.1f\nint8 workspace %zu\n", measure(run_int8), (size_t)TEXT_INT8_WORKSPACE_BYTES);
  find_boxes("int8", 1);
  write_picture(argv[2]);
  return 0;
}
