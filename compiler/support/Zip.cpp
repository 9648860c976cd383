//===- Zip.cpp - The directory of a .zip file -----------------------------===//

#include "compiler/support/Zip.h"
#include "compiler/support/ZipMember.h"

#include <algorithm>

namespace qcc::support {
namespace {

constexpr size_t endBytes = 22, locatorBytes = 20, end64Bytes = 56, entryBytes = 46, localBytes = 30;
constexpr size_t longestComment = 65535;
constexpr uint32_t endMagic = 0x06054b50, locatorMagic = 0x07064b50, end64Magic = 0x06064b50,
                   entryMagic = 0x02014b50, localMagic = 0x04034b50;
/// A value that says: look in the zip64 field.
constexpr uint32_t see64 = 0xffffffff;

/// The little-endian number of `count` bytes at `at`.
uint64_t number(const uint8_t *at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;)
    value = value << 8 | at[i];
  return value;
}

bool fail(std::string &error, const std::string &what) {
  error = what;
  return false;
}

/// Takes the 64-bit sizes of `member` that its entry does not hold.
bool read64(const uint8_t *extra, size_t size, ZipFile::Member &member, std::string &error) {
  uint64_t *wanted[] = {&member.size, &member.packedSize, &member.headerOffset};
  bool missing = false;
  for (uint64_t *value : wanted)
    missing |= *value == see64;
  while (missing && size >= 4) {
    size_t tag = number(extra, 2), length = number(extra + 2, 2);
    extra += 4;
    size -= 4;
    if (length > size)
      break;
    if (tag == 1) {
      const uint8_t *from = extra;
      for (uint64_t *value : wanted) {
        if (*value != see64)
          continue;
        if (from + 8 > extra + length)
          return fail(error, "corrupt zip: member '" + member.name + "' has a short zip64 field");
        *value = number(from, 8);
        from += 8;
      }
      return true;
    }
    extra += length;
    size -= length;
  }
  return !missing || fail(error, "corrupt zip: member '" + member.name + "' lacks its zip64 field");
}

} // namespace

bool ZipFile::findDirectory64(uint64_t end, uint64_t &offset, uint64_t &size, uint64_t &count,
                              std::string &error) const {
  uint8_t locator[locatorBytes], record[end64Bytes];
  if (end < locatorBytes || !file->read(end - locatorBytes, locator, locatorBytes, error) ||
      number(locator, 4) != locatorMagic)
    return fail(error, "corrupt zip: the zip64 directory is missing");
  if (!file->read(number(locator + 8, 8), record, end64Bytes, error))
    return false;
  if (number(record, 4) != end64Magic)
    return fail(error, "corrupt zip: the zip64 directory is missing");
  count = number(record + 32, 8);
  size = number(record + 40, 8);
  offset = number(record + 48, 8);
  return true;
}

bool ZipFile::findDirectory(uint64_t &offset, uint64_t &size, uint64_t &count, std::string &error) const {
  size_t tail = static_cast<size_t>(std::min<uint64_t>(file->size(), endBytes + longestComment));
  std::vector<uint8_t> bytes(tail);
  uint64_t start = file->size() - tail;
  if (!file->read(start, bytes.data(), tail, error))
    return false;
  for (size_t back = endBytes; back <= tail; ++back) {
    const uint8_t *end = bytes.data() + tail - back;
    if (number(end, 4) != endMagic || number(end + 20, 2) + endBytes > back)
      continue;
    count = number(end + 10, 2);
    size = number(end + 12, 4);
    offset = number(end + 16, 4);
    if (count != 0xffff && size != see64 && offset != see64)
      return true;
    return findDirectory64(start + tail - back, offset, size, count, error);
  }
  return fail(error, "truncated or not a zip: it has no directory at its end");
}

bool ZipFile::open(std::shared_ptr<ByteSource> source, std::string &error) {
  file = std::move(source);
  uint64_t offset, size, count;
  if (!findDirectory(offset, size, count, error))
    return false;
  if (offset > file->size() || size > file->size() - offset || count > size / entryBytes)
    return fail(error, "corrupt zip: a directory of " + std::to_string(size) + " bytes at offset " +
                           std::to_string(offset) + " in a file of " + std::to_string(file->size()));
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  if (!file->read(offset, bytes.data(), bytes.size(), error))
    return false;
  const uint8_t *at = bytes.data(), *end = at + bytes.size();
  for (; count; --count) {
    size_t left = static_cast<size_t>(end - at);
    if (left < entryBytes || number(at, 4) != entryMagic)
      return fail(error, "corrupt zip: the directory ends early");
    size_t name = number(at + 28, 2), extra = number(at + 30, 2), comment = number(at + 32, 2);
    if (name + extra + comment > left - entryBytes)
      return fail(error, "corrupt zip: the directory ends early");
    Member member;
    member.name.assign(reinterpret_cast<const char *>(at) + entryBytes, name);
    member.flags = static_cast<uint16_t>(number(at + 8, 2));
    member.method = static_cast<uint16_t>(number(at + 10, 2));
    member.crc = static_cast<uint32_t>(number(at + 16, 4));
    member.packedSize = number(at + 20, 4);
    member.size = number(at + 24, 4);
    member.headerOffset = number(at + 42, 4);
    if (!read64(at + entryBytes + name, extra, member, error))
      return false;
    list.push_back(std::move(member));
    at += entryBytes + name + extra + comment;
  }
  return true;
}

std::unique_ptr<ByteSource> ZipFile::open(const Member &member, std::string &error) const {
  uint8_t local[localBytes];
  if (member.flags & 1)
    return fail(error, "is encrypted"), nullptr;
  if (member.method != 0 && member.method != 8)
    return fail(error, "is compressed by method " + std::to_string(member.method) +
                           "; stored (0) and deflated (8) members are supported"),
           nullptr;
  if (!file->read(member.headerOffset, local, localBytes, error))
    return nullptr;
  if (number(local, 4) != localMagic)
    return fail(error, "corrupt zip: there is no member at offset " + std::to_string(member.headerOffset)),
           nullptr;
  uint64_t begin = member.headerOffset + localBytes + number(local + 26, 2) + number(local + 28, 2);
  if (begin > file->size() || member.packedSize > file->size() - begin)
    return fail(error, "truncated: it needs " + std::to_string(member.packedSize) + " bytes at offset " +
                           std::to_string(begin) + " of a file of " + std::to_string(file->size())),
           nullptr;
  if (member.method == 0 && member.packedSize != member.size)
    return fail(error, "corrupt zip: " + std::to_string(member.packedSize) + " bytes stored for " +
                           std::to_string(member.size)),
           nullptr;
  return openZipMember(file, begin, member);
}

} // namespace qcc::support
