//===- ZipTest.cpp - Zip files, whole and damaged -------------------------===//

#include "compiler/support/Zip.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>
#include <zlib.h>

using namespace qcc::support;

namespace {

/// A file in memory.
class Bytes : public ByteSource {
public:
  explicit Bytes(std::string content) : ByteSource(content.size()), content(std::move(content)) {}

protected:
  bool readInside(uint64_t offset, void *to, size_t count, std::string &) override {
    if (count)
      std::memcpy(to, content.data() + offset, count);
    return true;
  }

private:
  std::string content;
};

std::string number(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i)
    text += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
  return text;
}

std::string deflated(const std::string &text) {
  std::string packed(compressBound(text.size()), '\0');
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef *>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

struct Maker {
  int method = 8;
  bool zip64 = false;
  int flags = 0;
  uint64_t announced = 0; ///< instead of the real size
  uint32_t crcChange = 0;

  /// A zip file with the one member `a.npy`.
  std::string make(const std::string &text) const {
    std::string packed = method == 8 ? deflated(text) : text;
    uint64_t size = announced ? announced : text.size();
    uLong crc =
        ::crc32(0, reinterpret_cast<const Bytef *>(text.data()), static_cast<uInt>(text.size())) ^ crcChange;
    std::string name = "a.npy", file;
    file = number(0x04034b50, 4) + number(20, 2) + number(flags, 2) + number(method, 2) + number(0, 4) +
           number(crc, 4) + number(0, 8) + number(name.size(), 2) + number(4, 2) + name + number(0, 4) +
           packed;
    std::string extra =
        zip64 ? number(1, 2) + number(24, 2) + number(size, 8) + number(packed.size(), 8) + number(0, 8) : "";
    uint64_t directory = file.size();
    file += number(0x02014b50, 4) + number(20, 2) + number(20, 2) + number(flags, 2) + number(method, 2) +
            number(0, 4) + number(crc, 4) + number(zip64 ? 0xffffffff : packed.size(), 4) +
            number(zip64 ? 0xffffffff : size, 4) + number(name.size(), 2) + number(extra.size(), 2) +
            number(0, 10) + number(zip64 ? 0xffffffff : 0, 4) + name + extra;
    uint64_t bytes = file.size() - directory, end = file.size();
    if (zip64)
      file += number(0x06064b50, 4) + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) +
              number(1, 8) + number(1, 8) + number(bytes, 8) + number(directory, 8) + number(0x07064b50, 4) +
              number(0, 4) + number(end, 8) + number(1, 4);
    return file + number(0x06054b50, 4) + number(0, 4) + number(1, 2) + number(1, 2) +
           number(zip64 ? 0xffffffff : bytes, 4) + number(zip64 ? 0xffffffff : directory, 4) + number(0, 2);
  }
};

/// The content of the first member, or "error: ...".
std::string unpack(const std::string &file, size_t piece = 0) {
  ZipFile zip;
  std::string error;
  if (!zip.open(std::make_shared<Bytes>(file), error))
    return "error: " + error;
  if (zip.members().empty())
    return "error: no members";
  std::unique_ptr<ByteSource> member = zip.open(zip.members()[0], error);
  if (!member)
    return "error: " + error;
  if (member->size() > 1 << 24)
    return "error: large";
  std::string text(member->size(), '\0');
  piece = piece ? piece : text.size();
  for (size_t at = 0; at < text.size(); at += piece)
    if (!member->read(at, text.data() + at, std::min(piece, text.size() - at), error))
      return "error: " + error;
  return text;
}

std::string sample() {
  std::string text;
  for (int64_t i = 0; i < 200000; ++i)
    text += static_cast<char>(i * i >> 7);
  return text;
}

TEST(ZipTest, ReadsStoredAndDeflatedMembers) {
  std::string text = sample();
  for (int method : {0, 8})
    for (bool zip64 : {false, true})
      for (size_t piece : {0, 1000, 70001}) {
        Maker maker;
        maker.method = method;
        maker.zip64 = zip64;
        EXPECT_TRUE(unpack(maker.make(text), piece) == text) << method << zip64 << piece;
      }
}

TEST(ZipTest, GoesBackAndForth) {
  std::string text = sample(), error;
  ZipFile zip;
  ASSERT_TRUE(zip.open(std::make_shared<Bytes>(Maker().make(text)), error)) << error;
  std::unique_ptr<ByteSource> member = zip.open(zip.members()[0], error);
  for (uint64_t at : {150000, 10, 199990, 150010, 0, 0}) {
    char got[10];
    ASSERT_TRUE(member->read(at, got, 10, error)) << error;
    EXPECT_EQ(std::string(got, 10), text.substr(at, 10));
  }
  char byte;
  EXPECT_FALSE(member->read(text.size(), &byte, 1, error));
}

TEST(ZipTest, RefusesWhatItCannotRead) {
  Maker maker;
  maker.flags = 1;
  EXPECT_EQ(unpack(maker.make("text")), "error: is encrypted");
  maker = Maker();
  maker.method = 14;
  EXPECT_EQ(unpack(maker.make("text")),
            "error: is compressed by method 14; stored (0) and deflated (8) members are supported");
}

TEST(ZipTest, NoticesDamage) {
  for (int method : {0, 8}) {
    Maker maker;
    maker.method = method;
    maker.crcChange = 1;
    EXPECT_EQ(unpack(maker.make(sample())), "error: corrupt: its checksum does not match");
  }
  Maker maker;
  maker.announced = 10;
  EXPECT_EQ(unpack(maker.make("text")), "error: truncated: it unpacks to fewer bytes than announced");
  maker.method = 0;
  EXPECT_EQ(unpack(maker.make("text")), "error: corrupt zip: 4 bytes stored for 10");
}

/// Any prefix, and any single changed byte, gives an error or the right text.
TEST(ZipTest, SurvivesTruncationAndChangedBytes) {
  std::string text = "some text, some text, and some more text";
  for (int method : {0, 8})
    for (bool zip64 : {false, true}) {
      Maker maker;
      maker.method = method;
      maker.zip64 = zip64;
      std::string file = maker.make(text);
      for (size_t length = 0; length < file.size(); ++length)
        EXPECT_EQ(unpack(file.substr(0, length)).substr(0, 6), "error:") << length;
      for (size_t at = 0; at < file.size(); ++at)
        for (int change : {1, 0x80, 0xff}) {
          std::string damaged = file;
          damaged[at] = static_cast<char>(damaged[at] ^ change);
          std::string got = unpack(damaged);
          EXPECT_TRUE(got == text || got.substr(0, 6) == "error:" || got.empty()) << at << " " << got;
        }
    }
}

TEST(ZipTest, OnlyRegularFiles) {
  std::string error;
  EXPECT_EQ(openFile("/dev/zero", error), nullptr);
  EXPECT_EQ(error, "/dev/zero: not a regular file");
  EXPECT_EQ(openFile("/no/such/file", error), nullptr);
  EXPECT_EQ(error, "/no/such/file: cannot open: No such file or directory");
}

} // namespace
