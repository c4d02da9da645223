#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/time.hpp"
#include "lab/cloud_wire.hpp"

namespace intelwall::lab {

/// The largest object that is kept, in bytes.
inline constexpr std::size_t object_byte_limit = 64u << 20;

/// S3 in path style: buckets, objects with conditional writes, versions, and "Object Created" events. Thread-safe.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/
class ObjectStore {
 public:
  /// Called without the lock when an object of a bucket with EventBridge switched on was created: the bucket's name and
  /// the `detail` of the event (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html).
  using Created = std::function<void(const std::string& bucket, Json detail)>;
  ObjectStore(Clock clock, Created created) : clock_(std::move(clock)), created_(std::move(created)) {}

  /// "PutObject"; empty for what is no operation here.
  static std::string operation_of(const CloudRequest& request);
  CloudResponse handle(const CloudRequest& request);
  /// An error as S3 says it.
  static CloudResponse refusal(const CloudRequest& request, const ApiError& error);

  // For the lab's own parts.

  enum class Versioning { never, enabled, suspended };
  enum class Events { off, on };
  /// A bucket that is there takes on the settings.
  ApiResult<void> create(const std::string& bucket, Versioning versioning, Events events);
  /// The ETag, with its quotes.
  ApiResult<std::string> put(const std::string& bucket, const std::string& key, std::string body);
  ApiResult<std::string> get(const std::string& bucket, const std::string& key) const;
  /// Those that begin with `prefix`, sorted.
  ApiResult<std::vector<std::string>> keys(const std::string& bucket, const std::string& prefix) const;
  /// With all that is in it.
  void remove(const std::string& bucket);

  /// One request, taken apart.
  struct Request {
    const CloudRequest& http;
    std::string bucket, key, operation;
    std::map<std::string, std::string> query;  ///< decoded
    std::string parameter(const char* name) const;
    static Request of(const CloudRequest& http);
  };

 private:
  struct Version {
    enum class Kind { object, delete_marker };
    std::string id;  ///< "null" where it was written without versioning
    Kind kind = Kind::object;
    std::string body, etag, content_type;
    std::map<std::string, std::string> metadata;  ///< "x-amz-meta-…"
    Time modified;
  };
  struct Bucket {
    Time created;
    Versioning versioning = Versioning::never;
    Events events = Events::off;
    std::map<std::string, std::vector<Version>> objects;  ///< by key; versions from old to new, never none
  };
  /// What must hold of the current version.
  struct Condition {
    std::string if_match, if_none_match;
  };
  struct Erased {
    std::string version_id;
    Version::Kind kind = Version::Kind::object;
  };
  using Answer = ApiResult<CloudResponse>;

  // With the lock held.
  ApiResult<Bucket*> make(const std::string& bucket);
  ApiResult<Bucket*> find(const std::string& bucket);
  ApiResult<const Bucket*> find(const std::string& bucket) const;
  static const Version* current(const Bucket& bucket, const std::string& key);
  static ApiResult<void> check(const Bucket& bucket, const std::string& key, const Condition& condition);
  static void keep(Bucket& bucket, const std::string& key, Version version);
  Erased erase(Bucket& bucket, const std::string& key, const std::string& version_id);

  ApiResult<Version> store(const std::string& bucket, const std::string& key, Version version,
                           const Condition& condition);
  Answer run(const Request& request);
  Answer run_on_bucket(const Request& request, Bucket& bucket);
  Answer list_buckets() const;
  Answer put_object(const Request& request);
  Answer get_object(const Request& request, const Bucket& bucket) const;
  Answer delete_object(const Request& request, Bucket& bucket);
  Answer delete_objects(const Request& request, Bucket& bucket);
  static Answer list_objects(const Request& request, const Bucket& bucket);
  static Answer list_versions(const Request& request, const Bucket& bucket);
  static Answer set_versioning(const Request& request, Bucket& bucket);
  static Answer set_notification(const Request& request, Bucket& bucket);

  Clock clock_;
  Created created_;
  mutable std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
  std::uint64_t sequence_ = 0;  ///< of events: later ones are greater
};

}  // namespace intelwall::lab
