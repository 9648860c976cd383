//===- NpyTest.cpp - .npy files, honest and not ---------------------------===//
#include "compiler/support/Npy.h"
#include "gtest/gtest.h"
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace qcc::support;

namespace {

/// A file as NumPy lays it out, from the dictionary's text and the data.
std::string npy(const std::string &dict, const std::string &data, int version = 1) {
  std::string file = std::string("\x93NUMPY") + char(version) + '\0';
  for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte)
    file += char(dict.size() >> (8 * byte) & 0xff);
  return file + dict + data;
}

std::string dict(const std::string &descr, const std::string &shape, const std::string &fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

std::string raw(std::initializer_list<int> bytes) {
  std::string text;
  for (int byte : bytes)
    text += char(byte);
  return text;
}

NpyArray good(const std::string &file) {
  NpyArray array;
  std::string error;
  EXPECT_TRUE(readNpy(file.data(), file.size(), array, error)) << error;
  return array;
}

std::string errorOf(const std::string &file) {
  NpyArray array;
  std::string error;
  EXPECT_FALSE(readNpy(file.data(), file.size(), array, error));
  return error;
}

std::string text(const NpyArray &array) { return std::string(array.data.begin(), array.data.end()); }

TEST(Npy, ReadsEveryVersion) {
  for (int version : {1, 2, 3}) {
    NpyArray array = good(npy(dict("|u1", "(2, 3)"), "abcdef", version));
    EXPECT_EQ(array.type, NpyType::U8);
    EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(text(array), "abcdef");
  }
}

TEST(Npy, ReadsScalarsVectorsAndEmptyArrays) {
  EXPECT_EQ(good(npy(dict("<i2", "()"), "ab")).shape.size(), 0u);
  EXPECT_EQ(good(npy(dict("<i2", "(2,)"), "abcd")).shape, std::vector<int64_t>{2});
  EXPECT_EQ(good(npy(dict("<i2", "(0, 4611686018427387904)"), "")).elements(), 0u);
  EXPECT_EQ(good(npy(dict("<i2", "(2L,)"), "abcd")).elements(), 2u);
}

TEST(Npy, SwapsBigEndianElements) {
  EXPECT_EQ(text(good(npy(dict(">i2", "(2,)"), "abcd"))), "badc");
  EXPECT_EQ(text(good(npy(dict(">f8", "(1,)"), "abcdefgh"))), "hgfedcba");
}

TEST(Npy, TurnsFortranOrderAround) {
  // Element (i, j, k) of shape (2, 3, 2) lies at i + 2j + 6k.
  EXPECT_EQ(text(good(npy(dict("|i1", "(2, 3, 2)", "True"), "abcdefghijkl"))), "agciekbhdjfl");
  EXPECT_EQ(text(good(npy(dict(">u2", "(2, 2)", "True"), "abcdefgh"))), "bafedchg");
}

TEST(Npy, AcceptsEntriesInAnyOrder) {
  EXPECT_EQ(good(npy("{\"shape\":(1,),\"fortran_order\":True,\"descr\":\"|b1\"}", raw({1}))).type,
            NpyType::Bool);
}

TEST(Npy, NamesTruncationAndExcess) {
  EXPECT_EQ(errorOf(npy(dict("<f4", "(3, 7)"), std::string(80, 'x'))),
            "truncated: 80 bytes of data for shape (3, 7) of float32, which needs 84");
  EXPECT_EQ(errorOf(npy(dict("<f4", "()"), std::string(5, 'x'))),
            "too long: 5 bytes of data for shape () of float32, which needs 4");
}

TEST(Npy, RefusesEveryPrefixOfAFile) {
  std::string file = npy(dict("<f4", "(2,)"), "abcdefgh");
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(errorOf(file.substr(0, size)), "") << size;
}

TEST(Npy, RefusesObjectsPicklesAndArchives) {
  EXPECT_NE(errorOf(npy(dict("|O", "(1,)"), "x")).find("Python objects"), std::string::npos);
  EXPECT_NE(errorOf(raw({0x80, 4}) + "0123456789").find("pickle"), std::string::npos);
  EXPECT_NE(errorOf("PK\x03\x04 and the rest").find(".npz"), std::string::npos);
  EXPECT_EQ(errorOf(""), "not a .npy file (it does not start with \\x93NUMPY)");
}

TEST(Npy, RefusesOtherTypes) {
  EXPECT_EQ(errorOf(npy(dict("<c8", "(1,)"), "12345678")),
            "unsupported dtype '<c8'; supported: bool, int8 to uint64, float16 to float64");
  EXPECT_NE(errorOf(npy(dict("", "(1,)"), "x")).find("unsupported dtype ''"), std::string::npos);
  EXPECT_EQ(errorOf(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234")),
            "structured arrays are not supported");
}

TEST(Npy, RefusesShapesThatLie) {
  EXPECT_NE(errorOf(npy(dict("<f4", "(4294967296, 4294967296)"), "1234")).find("too large"),
            std::string::npos);
  EXPECT_NE(errorOf(npy(dict("<f4", "(9223372036854775808,)"), "1234")).find("64 bits"), std::string::npos);
  EXPECT_NE(errorOf(npy(dict("<f4", "(-1,)"), "1234")).find("non-negative"), std::string::npos);
  std::string many = "(";
  for (int i = 0; i < 65; ++i)
    many += "1,";
  EXPECT_EQ(errorOf(npy(dict("|u1", many + ")"), "1")), "more than 64 dimensions");
}

TEST(Npy, RefusesHeadersThatAreNotTheDictionary) {
  for (const char *header :
       {"", "{}", "{'descr': '<f4'}", "[1]", "{'descr': '<f4', 'descr': '<f4', }", "{'x': 1}",
        "{'descr': '<f4", "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} {",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}"})
    EXPECT_NE(errorOf(npy(header, "1234")), "") << header;
  std::string version9 = npy(dict("<f4", "(1,)"), "1234", 9);
  EXPECT_EQ(errorOf(version9), "unknown .npy version 9.0");
}

class NpyFile : public testing::Test {
protected:
  void SetUp() override { ASSERT_NE(mkdtemp(folder), nullptr); }
  void TearDown() override {
    unlink(path("a.npy").c_str());
    rmdir(folder);
  }
  std::string path(const std::string &name) { return std::string(folder) + "/" + name; }
  char folder[32] = "/tmp/qcc-npy-XXXXXX";
};

TEST_F(NpyFile, ReadsBackWhatItWrote) {
  NpyArray written{NpyType::F32, {2, 1}, {1, 2, 3, 4, 5, 6, 7, 8}}, read;
  std::string error;
  for (int round = 0; round < 2; ++round) // the second replaces the first
    ASSERT_TRUE(writeNpyFile(path("a.npy"), written, error)) << error;
  ASSERT_TRUE(readNpyFile(path("a.npy"), read, error)) << error;
  EXPECT_EQ(read.type, written.type);
  EXPECT_EQ(read.shape, written.shape);
  EXPECT_EQ(read.data, written.data);
  EXPECT_EQ(npyFileHeader(NpyType::F32, {2, 1}).size() % 64, 0u);
}

TEST_F(NpyFile, LeavesNothingWhereItCannotWrite) {
  std::string error;
  NpyArray array{NpyType::U8, {4096}, std::vector<uint8_t>(4096)};
  EXPECT_FALSE(writeNpyFile("/dev/full", array, error));
  EXPECT_EQ(error, "/dev/full: cannot write: No space left on device");
  EXPECT_FALSE(writeNpyFile(path("none/a.npy"), array, error));
  EXPECT_FALSE(writeNpyFile(folder, array, error));
}

TEST_F(NpyFile, RefusesWhatIsNoRegularFile) {
  NpyArray array;
  std::string error;
  EXPECT_FALSE(readNpyFile(folder, array, error));
  EXPECT_EQ(error, std::string(folder) + ": not a regular file");
  EXPECT_FALSE(readNpyFile(path("none.npy"), array, error));
  EXPECT_EQ(error, path("none.npy") + ": cannot open: No such file or directory");
  ASSERT_EQ(mkfifo(path("a.npy").c_str(), 0600), 0);
  EXPECT_FALSE(readNpyFile(path("a.npy"), array, error));
  EXPECT_EQ(error, path("a.npy") + ": not a regular file");
}

} // namespace
