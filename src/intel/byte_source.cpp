#include "intel/byte_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "os/descriptor.hpp"

namespace intelwall::intel {
namespace {

constexpr std::size_t chunk = 256u << 10;

std::unexpected<Error> unreadable(const std::string& name, int error) {
  const ErrorCode code = error == ENOENT                     ? ErrorCode::not_found
                         : error == EACCES || error == EPERM ? ErrorCode::denied
                                                             : ErrorCode::system;
  return fail(code, "cannot read it: " + std::generic_category().message(error), printable(name));
}

std::unexpected<Error> damaged(const std::string& name, std::string_view why) {
  return fail(ErrorCode::invalid_input, fmt::format("cannot unpack it: {}", why), printable(name),
              "fetch the file again");
}

class DescriptorSource : public ByteSource {
 public:
  DescriptorSource(os::Descriptor owned, int number, std::string name)
      : owned_(std::move(owned)), number_(number), name_(std::move(name)) {}

  Result<std::size_t> read(std::span<char> room) override {
    for (;;) {
      const ssize_t got = ::read(number_, room.data(), room.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return unreadable(name_, errno);
      consumed_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  os::Descriptor owned_;
  int number_;
  std::string name_;
  std::uint64_t consumed_ = 0;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const char> bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::span<char> room) override {
    const std::size_t size = std::min(room.size(), bytes_.size() - consumed_);
    std::copy_n(bytes_.data() + consumed_, size, room.data());
    consumed_ += size;
    return size;
  }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  std::span<const char> bytes_;
  std::size_t consumed_ = 0;
};

/// A source with its first bytes looked at.
class Peeked : public ByteSource {
 public:
  explicit Peeked(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  /// Up to four bytes.
  Result<std::string_view> peek() {
    while (front_.size() < 4) {
      char more[4];
      IW_TRY(const std::size_t got, source_->read(std::span(more, 4 - front_.size())));
      if (got == 0) break;
      front_.append(more, got);
    }
    return std::string_view(front_);
  }
  Result<std::size_t> read(std::span<char> room) override {
    if (front_.empty()) return source_->read(room);
    const std::size_t size = std::min(room.size(), front_.size());
    std::copy_n(front_.data(), size, room.data());
    front_.erase(0, size);
    return size;
  }
  std::uint64_t consumed() const override { return source_->consumed(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string front_;
};

class GzipSource : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)), in_(chunk) {
    constexpr int only_gzip = 16;
    ready_ = inflateInit2(&stream_, MAX_WBITS + only_gzip) == Z_OK;
  }
  ~GzipSource() override {
    if (ready_) inflateEnd(&stream_);
  }

  Result<std::size_t> read(std::span<char> room) override {
    if (!ready_) return fail(ErrorCode::system, "there is no memory to unpack it", printable(name_));
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    const auto size = static_cast<uInt>(std::min<std::size_t>(room.size(), 1u << 30));
    stream_.avail_out = size;
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        IW_TRY(const std::size_t got, packed_->read(in_));
        stream_.next_in = reinterpret_cast<Bytef*>(in_.data());
        stream_.avail_in = static_cast<uInt>(got);
        if (got == 0) {
          if (inside_) return damaged(name_, "it ends early");
          return 0;
        }
      }
      if (!inside_ && inflateReset(&stream_) != Z_OK) return damaged(name_, "its state is lost");
      inside_ = true;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        inside_ = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return damaged(name_, stream_.msg != nullptr ? stream_.msg : "it is no gzip data");
      }
    }
    return size - stream_.avail_out;
  }
  std::uint64_t consumed() const override { return packed_->consumed(); }

 private:
  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  std::vector<char> in_;
  z_stream stream_{};
  bool ready_ = false;
  bool inside_ = false;  ///< a part that has begun and not ended
};

class ZstdSource : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)), in_(chunk), stream_(ZSTD_createDStream()) {}

  Result<std::size_t> read(std::span<char> room) override {
    if (!stream_) return fail(ErrorCode::system, "there is no memory to unpack it", printable(name_));
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    while (out.pos == 0) {
      // A full room may have left bytes inside the stream, so it is asked before it is fed.
      if (buffer_.pos == buffer_.size && !full_) {
        IW_TRY(const std::size_t got, packed_->read(in_));
        buffer_ = {in_.data(), got, 0};
        if (got == 0) {
          if (inside_) return damaged(name_, "it ends early");
          return 0;
        }
      }
      const std::size_t status = ZSTD_decompressStream(stream_.get(), &out, &buffer_);
      if (ZSTD_isError(status) != 0) return damaged(name_, ZSTD_getErrorName(status));
      inside_ = status != 0;
      full_ = out.pos == out.size;
    }
    return out.pos;
  }
  std::uint64_t consumed() const override { return packed_->consumed(); }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  std::vector<char> in_;
  ZSTD_inBuffer buffer_{};
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool inside_ = false;
  bool full_ = false;
};

Result<std::unique_ptr<ByteSource>> unpacked(std::unique_ptr<ByteSource> source, const std::string& name) {
  auto peeked = std::make_unique<Peeked>(std::move(source));
  IW_TRY(const std::string_view front, peeked->peek());
  constexpr std::string_view gzip = "\x1f\x8b";          // RFC 1952, 2.3.1
  constexpr std::string_view zstd = "\x28\xb5\x2f\xfd";  // RFC 8878, 3.1.1
  if (front.starts_with(gzip)) return std::make_unique<GzipSource>(std::move(peeked), name);
  if (front == zstd) return std::make_unique<ZstdSource>(std::move(peeked), name);
  return peeked;
}

}  // namespace

Result<OpenedFile> open_unpacked(const std::string& path) {
  OpenedFile opened;
  opened.name = path == "-" ? "standard input" : path;
  os::Descriptor file;
  if (path != "-") file = os::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (path != "-" && !file.is_open()) return unreadable(opened.name, errno);
  const int number = path == "-" ? STDIN_FILENO : file.get();
  struct stat status{};
  if (number >= 0 && ::fstat(number, &status) == 0 && S_ISREG(status.st_mode))
    opened.size = static_cast<std::uint64_t>(status.st_size);
  IW_TRY(opened.bytes, unpacked(std::make_unique<DescriptorSource>(std::move(file), number, opened.name), opened.name));
  return opened;
}

Result<std::unique_ptr<ByteSource>> unpacked(std::span<const char> bytes, const std::string& name) {
  return unpacked(std::make_unique<MemorySource>(bytes), name);
}

}  // namespace intelwall::intel
