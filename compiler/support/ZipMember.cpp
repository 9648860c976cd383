//===- ZipMember.cpp - Files and members of .zip files as bytes -----------===//

#include "compiler/support/ZipMember.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace qcc::support {

bool ByteSource::read(uint64_t offset, void *to, size_t count, std::string &error) {
  if (offset <= total && count <= total - offset)
    return readInside(offset, to, count, error);
  error = "truncated: " + std::to_string(count) + " bytes at offset " + std::to_string(offset) +
          " are beyond the end at " + std::to_string(total);
  return false;
}

namespace {

class FileBytes : public ByteSource {
public:
  FileBytes(int fd, uint64_t size) : ByteSource(size), fd(fd) {}
  ~FileBytes() override { ::close(fd); }

protected:
  bool readInside(uint64_t offset, void *to, size_t count, std::string &error) override {
    char *at = static_cast<char *>(to);
    while (count) {
      ssize_t got = ::pread(fd, at, count, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0) {
        error = got ? std::strerror(errno) : "the file became shorter while it was read";
        return false;
      }
      at += got;
      offset += static_cast<uint64_t>(got);
      count -= static_cast<size_t>(got);
    }
    return true;
  }

private:
  int fd;
};

/// Follows a member's bytes from the first to the last.
class Checksum {
public:
  explicit Checksum(const ZipFile::Member &member) : expected(member.crc), size(member.size) {}

  bool pass(uint64_t offset, const void *bytes, size_t count, std::string &error) {
    if (offset == 0 && count) {
      position = 0;
      value = ::crc32(0, nullptr, 0);
    }
    if (offset != position || !count)
      return true; // not one pass: nothing to say
    for (size_t done = 0; done < count;) {
      size_t piece = std::min<size_t>(count - done, 1 << 30);
      value = ::crc32(value, static_cast<const Bytef *>(bytes) + done, static_cast<uInt>(piece));
      done += piece;
    }
    position += count;
    if (position != size || value == expected)
      return true;
    error = "corrupt: its checksum does not match";
    return false;
  }

private:
  uint32_t expected;
  uint64_t size, position = 0;
  uLong value = 0;
};

class StoredMember : public ByteSource {
public:
  StoredMember(std::shared_ptr<ByteSource> file, uint64_t begin, const ZipFile::Member &member)
      : ByteSource(member.size), file(std::move(file)), begin(begin), checksum(member) {}

protected:
  bool readInside(uint64_t offset, void *to, size_t count, std::string &error) override {
    return file->read(begin + offset, to, count, error) && checksum.pass(offset, to, count, error);
  }

private:
  std::shared_ptr<ByteSource> file;
  uint64_t begin;
  Checksum checksum;
};

class DeflatedMember : public ByteSource {
public:
  DeflatedMember(std::shared_ptr<ByteSource> file, uint64_t begin, const ZipFile::Member &member)
      : ByteSource(member.size), file(std::move(file)), begin(begin), packedSize(member.packedSize),
        checksum(member) {}
  ~DeflatedMember() override { stop(); }

  void release() override {
    stop();
    packed = {};
  }

protected:
  bool readInside(uint64_t offset, void *to, size_t count, std::string &error) override {
    if ((!running || offset < position) && !start(error))
      return false;
    std::vector<uint8_t> skipped(std::min<uint64_t>(offset - position, pieceBytes));
    while (position < offset) {
      size_t piece = static_cast<size_t>(std::min<uint64_t>(offset - position, skipped.size()));
      if (!unpack(skipped.data(), piece, error))
        return false;
    }
    return unpack(static_cast<uint8_t *>(to), count, error);
  }

private:
  static constexpr size_t pieceBytes = 1 << 16;

  void stop() {
    if (running)
      ::inflateEnd(&stream);
    running = false;
  }

  bool start(std::string &error) {
    stop();
    stream = z_stream();
    running = ::inflateInit2(&stream, -MAX_WBITS) == Z_OK; // raw: zip has its own header
    packedRead = position = 0;
    if (!running)
      error = "out of memory";
    return running;
  }

  bool refill(std::string &error) {
    packed.resize(static_cast<size_t>(std::min<uint64_t>(pieceBytes, packedSize - packedRead)));
    if (packed.empty()) {
      error = "truncated: it unpacks to fewer bytes than the " + std::to_string(size()) + " announced";
      return false;
    }
    if (!file->read(begin + packedRead, packed.data(), packed.size(), error))
      return false;
    packedRead += packed.size();
    stream.next_in = packed.data();
    stream.avail_in = static_cast<uInt>(packed.size());
    return true;
  }

  bool unpack(uint8_t *to, size_t count, std::string &error) {
    for (size_t done = 0; done < count;) {
      if (!stream.avail_in && !refill(error))
        return stop(), false;
      size_t piece = std::min<size_t>(count - done, 1 << 30);
      stream.next_out = to + done;
      stream.avail_out = static_cast<uInt>(piece);
      int status = ::inflate(&stream, Z_NO_FLUSH);
      done += piece - stream.avail_out;
      if (status == Z_OK || status == Z_BUF_ERROR || (status == Z_STREAM_END && done == count))
        continue;
      error = status == Z_STREAM_END ? "truncated: it unpacks to fewer bytes than announced"
                                     : "corrupt: its compressed data cannot be unpacked";
      return stop(), false;
    }
    uint64_t from = position;
    position += count;
    return checksum.pass(from, to, count, error);
  }

  std::shared_ptr<ByteSource> file;
  uint64_t begin, packedSize, packedRead = 0, position = 0;
  Checksum checksum;
  z_stream stream = {};
  bool running = false;
  std::vector<uint8_t> packed;
};

} // namespace

std::shared_ptr<ByteSource> openFile(const std::string &path, std::string &error) {
  // Without O_NONBLOCK the open of a FIFO would wait for its writer.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (fd < 0 || ::fstat(fd, &info) != 0) {
    error = path + ": cannot open: " + std::strerror(errno);
    if (fd >= 0)
      ::close(fd);
    return nullptr;
  }
  if (S_ISREG(info.st_mode))
    return std::make_shared<FileBytes>(fd, static_cast<uint64_t>(info.st_size));
  error = path + ": not a regular file";
  ::close(fd);
  return nullptr;
}

std::unique_ptr<ByteSource> openZipMember(std::shared_ptr<ByteSource> file, uint64_t begin,
                                          const ZipFile::Member &member) {
  if (member.method == 0)
    return std::make_unique<StoredMember>(std::move(file), begin, member);
  return std::make_unique<DeflatedMember>(std::move(file), begin, member);
}

} // namespace qcc::support
