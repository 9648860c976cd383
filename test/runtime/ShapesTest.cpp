//===- ShapesTest.cpp - inputs whose shape the caller chooses --------------===//
#include "FakeModel.h"
#include "gtest/gtest.h"
#include <climits>

namespace {

// Two inputs (1, 1..8) of one length, one (2..4, 3) of another, a fixed one; the output has the first's
// shape.
const int64_t line[] = {1, 8}, lineBounds[] = {1, 1, -1, 0, -1, -1, 0, 0, 1, 1};
const int64_t table[] = {4, 3}, tableBounds[] = {2, 3, 1, -1, -1, -1, 0, 0, 1, 1};
const int64_t fixed[] = {2};
const qcc_tensor_info inputs[] = {
    {"ids", "ids", QCC_TYPE_I64, 2, line, lineBounds, 64, 0, 0},
    {"mask", "mask", QCC_TYPE_I64, 2, line, lineBounds, 64, 0, 0},
    {"table", "table", QCC_TYPE_F32, 2, table, tableBounds, 48, 0, 0},
    {"fixed", "fixed", QCC_TYPE_F32, 1, fixed, nullptr, 8, 0, 0},
};
const qcc_tensor_info outputs[] = {{"y", "y", QCC_TYPE_I64, 2, line, lineBounds, 64, 0, 0}};

/// What a compiled model does with shapes: copies as much as there is.
void copy(const qcc_frame *frame, uint32_t, uint32_t) {
  memcpy(frame->out[1], frame->in[4], 16);
  memcpy(frame->out[0], frame->in[0], static_cast<const int64_t *>(frame->in[4])[1] * 8);
}
const qcc_step_fn steps[] = {copy};
const qcc_variant variants[] = {{"x86-64", 0, steps}};

struct Call {
  int64_t ids[8] = {1, 2, 3, 4, 5, 6, 7, 8}, mask[8] = {}, y[8] = {};
  float numbers[12] = {}, pair[2] = {};
  int64_t idsShape[2] = {1, 3}, maskShape[2] = {1, 3}, tableShape[2] = {4, 3}, yShape[2] = {-1, -1};
  const void *in[8] = {ids, mask, numbers, pair, idsShape, maskShape, tableShape, nullptr};
  void *out[2] = {y, yShape};

  qcc_status operator()() {
    qcc_model model = fake::bare(variants, fake::infos, 1);
    model.abi_version = QCC_ABI_VERSION_BOUNDED;
    model.n_inputs = 4;
    model.n_outputs = 1;
    model.inputs = inputs;
    model.outputs = outputs;
    return qcc_run(&model, in, out, nullptr, 0, nullptr);
  }
};

TEST(Shapes, TravelBehindTheTensors) {
  Call call;
  ASSERT_EQ(call(), QCC_OK);
  EXPECT_EQ(call.yShape[1], 3);
  EXPECT_EQ(call.y[2], 3);
  EXPECT_EQ(call.y[3], 0);
}

TEST(Shapes, AreWithinBounds) {
  for (int64_t length : {int64_t(0), int64_t(-1), int64_t(9), INT64_MAX, INT64_MIN}) {
    Call call;
    call.idsShape[1] = call.maskShape[1] = length;
    EXPECT_EQ(call(), QCC_ERR_SHAPE) << length;
    EXPECT_EQ(call.yShape[1], -1);
  }
  for (int64_t length : {1, 8}) {
    Call call;
    call.idsShape[1] = call.maskShape[1] = length;
    EXPECT_EQ(call(), QCC_OK) << length;
  }
}

TEST(Shapes, FixedExtentsAreFixed) {
  Call call;
  call.idsShape[0] = call.maskShape[0] = 2;
  EXPECT_EQ(call(), QCC_ERR_SHAPE);
  Call other;
  other.tableShape[1] = 2;
  EXPECT_EQ(other(), QCC_ERR_SHAPE);
}

TEST(Shapes, OfOneLengthAgree) {
  Call call;
  call.maskShape[1] = 4;
  EXPECT_EQ(call(), QCC_ERR_SHAPE);
  Call other; // another length is its own
  other.tableShape[0] = 2;
  EXPECT_EQ(other(), QCC_OK);
}

TEST(Shapes, AreThere) {
  for (int i : {4, 5, 6}) {
    Call call;
    call.in[i] = nullptr;
    EXPECT_EQ(call(), QCC_ERR_ARGUMENT) << i;
  }
  Call call;
  call.out[1] = nullptr;
  EXPECT_EQ(call(), QCC_ERR_ARGUMENT);
}

TEST(Shapes, InputsAreAsLongAsTheySay) {
  // Three numbers of ids, and the output right behind them.
  int64_t memory[3 + 8] = {7, 8, 9};
  Call call;
  call.in[0] = memory;
  call.out[0] = memory + 3;
  EXPECT_EQ(call(), QCC_OK);
  EXPECT_EQ(memory[5], 9);
  call.idsShape[1] = call.maskShape[1] = 4;
  EXPECT_EQ(call(), QCC_ERR_ARGUMENT) << "one more overlaps";
}

TEST(Shapes, NothingOverlapsThem) {
  Call call;
  call.out[1] = call.idsShape;
  EXPECT_EQ(call(), QCC_ERR_ARGUMENT);
  Call other;
  other.out[0] = other.maskShape;
  EXPECT_EQ(other(), QCC_ERR_ARGUMENT);
  Call third;
  third.out[1] = third.y + 7;
  EXPECT_EQ(third(), QCC_ERR_ARGUMENT);
}

void nothing(const qcc_frame *, uint32_t, uint32_t) {}

TEST(Shapes, GoInSteps) {
  const int64_t wide[] = {8}, bounds[] = {2, 0, -1, 0, 2};
  const qcc_tensor_info one[] = {{"x", "x", QCC_TYPE_U8, 1, wide, bounds, 8, 0, 0}};
  const qcc_step_fn quiet[] = {nothing};
  const qcc_variant variant[] = {{"x86-64", 0, quiet}};
  qcc_model model = fake::bare(variant, fake::infos, 1);
  model.abi_version = QCC_ABI_VERSION_BOUNDED;
  model.n_inputs = model.n_outputs = 1;
  model.inputs = model.outputs = one;
  uint8_t x[8] = {}, y[8] = {};
  int64_t length = 0, written = 0;
  const void *in[] = {x, &length};
  void *out[] = {y, &written};
  for (length = 0; length <= 10; ++length)
    EXPECT_EQ(qcc_run(&model, in, out, nullptr, 0, nullptr),
              length >= 2 && length <= 8 && length % 2 == 0 ? QCC_OK : QCC_ERR_SHAPE)
        << length;
}

TEST(Shapes, AddUp) {
  // A length of 0..8, one of 1..4, one that is both and one more; the output is the first with one more.
  const int64_t past[] = {8}, pastBounds[] = {0, 0, -1, 0, 1}, now[] = {4}, nowBounds[] = {1, 1, -1, 0, 1};
  const int64_t all[] = {13}, allBounds[] = {2, 0, 1, 1, 1}, next[] = {9}, nextBounds[] = {1, -1, -1, 0, 1};
  const qcc_tensor_info three[] = {{"past", "past", QCC_TYPE_U8, 1, past, pastBounds, 8, 0, 0},
                                   {"now", "now", QCC_TYPE_U8, 1, now, nowBounds, 4, 0, 0},
                                   {"all", "all", QCC_TYPE_U8, 1, all, allBounds, 13, 0, 0}};
  const qcc_tensor_info one[] = {{"next", "next", QCC_TYPE_U8, 1, next, nextBounds, 9, 0, 0}};
  const qcc_step_fn quiet[] = {nothing};
  const qcc_variant variant[] = {{"x86-64", 0, quiet}};
  qcc_model model = fake::bare(variant, fake::infos, 1);
  model.abi_version = QCC_ABI_VERSION_BOUNDED;
  model.flags = QCC_MODEL_IN_PLACE;
  model.n_inputs = 3;
  model.n_outputs = 1;
  model.inputs = three;
  model.outputs = one;
  uint8_t a[9] = {}, b[4] = {}, c[13] = {}, y[9] = {};
  int64_t lengths[3] = {3, 2, 6}, written = 0;
  const void *in[] = {a, b, c, &lengths[0], &lengths[1], &lengths[2]};
  void *out[] = {y, &written};
  auto run = [&] { return qcc_run(&model, in, out, nullptr, 0, nullptr); };
  EXPECT_EQ(run(), QCC_OK);
  for (int64_t wrong : {5, 7}) {
    lengths[2] = wrong;
    EXPECT_EQ(run(), QCC_ERR_SHAPE) << wrong;
  }
  lengths[0] = 0;
  lengths[2] = 3;
  EXPECT_EQ(run(), QCC_OK);
  lengths[0] = 8;
  lengths[2] = 11;
  // What has grown may lie where it was, for which there is room; nowhere else within it.
  out[0] = a;
  EXPECT_EQ(run(), QCC_OK);
  in[0] = a + 1;
  out[0] = a;
  EXPECT_EQ(run(), QCC_ERR_ARGUMENT);
}

} // namespace
