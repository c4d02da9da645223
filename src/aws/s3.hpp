#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"

namespace intelwall::aws {

/// What must hold for a write to be done; `conflict` where it does not.
struct WriteCondition {
  enum class Kind { none, absent, matches };
  Kind kind = Kind::none;
  std::string etag;  ///< of the version that is to be replaced, for `matches`

  static WriteCondition absent() { return {Kind::absent, {}}; }
  static WriteCondition matches(std::string etag) { return {Kind::matches, std::move(etag)}; }
};

/// The calls of S3 that we need, for one bucket of the session's region. By the bucket's own host name, but by path
/// where AWS_ENDPOINT_URL_S3 names an endpoint, or where dots in the bucket's name would not fit the certificate.
class S3Client {
 public:
  /// Errors of the name or the region come with the first call.
  S3Client(const Session& session, const std::string& bucket);

  struct Content {
    std::string body;
    std::string etag;
  };
  /// `not_found` without such a key; `denied` also then where the role may not list.
  Result<Content> get(const std::string& key) const;
  /// The new ETag. At most 64 MiB here. A conditional write that was carried out and not heard of is a `conflict`.
  Result<std::string> put(const std::string& key, const std::string& body, const WriteCondition& condition) const;
  /// Deletes every version of every object, and the marks of deleted ones; how many there were. A bucket that is gone
  /// is empty.
  Result<std::size_t> remove_everything() const;

 private:
  struct Version {
    std::string key, id;
  };
  HttpRequest request_for(const char* method, const std::string& key) const;
  Result<void> remove_versions(std::span<const Version> versions) const;

  std::string host_, path_;  ///< "bucket." or "/bucket"
  ServiceClient client_;
  Result<void> name_status_;
};

/// 3 to 63 of [a-z0-9.-], with a letter or digit at both ends
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html). It becomes part of a host name.
bool is_bucket_name(std::string_view text);

}  // namespace intelwall::aws
