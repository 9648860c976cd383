//===- Zip.h - Members of a .zip file, as streams ---------------*- C++ -*-===//
//
// What numpy.savez writes: stored or deflated members, zip64 where needed.
// Nothing here throws or trusts the file; memory does not grow with its size.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_SUPPORT_ZIP_H
#define QCC_COMPILER_SUPPORT_ZIP_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qcc::support {

/// Bytes that are read mostly in ascending order.
class ByteSource {
public:
  virtual ~ByteSource() = default;
  uint64_t size() const { return total; }
  /// Reads exactly `count` bytes at `offset`. `error` becomes a phrase such as
  /// "truncated: 80 bytes at offset 128 are beyond the end at 200".
  bool read(uint64_t offset, void *to, size_t count, std::string &error);
  /// Gives memory back that the next `read` takes again.
  virtual void release() {}

protected:
  explicit ByteSource(uint64_t total) : total(total) {}
  virtual bool readInside(uint64_t offset, void *to, size_t count, std::string &error) = 0;

private:
  uint64_t total;
};

/// A regular file; anything else is refused without waiting for it. `error`
/// starts with the name, here only.
std::shared_ptr<ByteSource> openFile(const std::string &path, std::string &error);

class ZipFile {
public:
  struct Member {
    std::string name;
    uint16_t method = 0, flags = 0;
    uint32_t crc = 0;
    uint64_t packedSize = 0, size = 0, headerOffset = 0;
  };

  /// Reads the directory.
  bool open(std::shared_ptr<ByteSource> file, std::string &error);
  const std::vector<Member> &members() const { return list; }
  /// A deflated member is unpacked as it is read; going back starts it anew. A
  /// pass from its beginning to its end checks the CRC.
  std::unique_ptr<ByteSource> open(const Member &member, std::string &error) const;

private:
  bool findDirectory(uint64_t &offset, uint64_t &size, uint64_t &count, std::string &error) const;
  bool findDirectory64(uint64_t end, uint64_t &offset, uint64_t &size, uint64_t &count,
                       std::string &error) const;

  std::shared_ptr<ByteSource> file;
  std::vector<Member> list;
};

} // namespace qcc::support

#endif // QCC_COMPILER_SUPPORT_ZIP_H
