#include "lab/cloud_objects.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/s3.hpp"
#include "lab/cloud.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t buckets_per_account = 100;
constexpr std::size_t key_bytes = 1024;

std::string unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"')) etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

std::string new_version_id() {
  std::string id = random_uuid();
  std::erase(id, '-');
  return id;
}

}  // namespace

ApiResult<ObjectStore::Bucket*> ObjectStore::find(const std::string& bucket) {
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) return refuse("NoSuchBucket", "The specified bucket does not exist", 404);
  return &found->second;
}

ApiResult<const ObjectStore::Bucket*> ObjectStore::find(const std::string& bucket) const {
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) return refuse("NoSuchBucket", "The specified bucket does not exist", 404);
  return &found->second;
}

const ObjectStore::Version* ObjectStore::current(const Bucket& bucket, const std::string& key) {
  const auto found = bucket.objects.find(key);
  if (found == bucket.objects.end() || found->second.back().kind == Version::Kind::delete_marker) return nullptr;
  return &found->second.back();
}

ApiResult<void> ObjectStore::check(const Bucket& bucket, const std::string& key, const Condition& condition) {
  const Version* const there = current(bucket, key);
  const auto failed = [] {
    return refuse("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412);
  };
  if (!condition.if_none_match.empty() && condition.if_none_match != "*")
    return refuse("NotImplemented", "A header you provided implies functionality that is not implemented", 501);
  if (!condition.if_none_match.empty() && there != nullptr) return failed();
  if (condition.if_match.empty()) return {};
  if (there == nullptr) return refuse("NoSuchKey", "The specified key does not exist.", 404);
  if (condition.if_match != "*" && unquoted(condition.if_match) != unquoted(there->etag)) return failed();
  return {};
}

void ObjectStore::keep(Bucket& bucket, const std::string& key, Version version) {
  auto& versions = bucket.objects[key];
  if (bucket.versioning == Versioning::enabled) {
    version.id = new_version_id();
  } else {
    version.id = "null";
    std::erase_if(versions, [](const Version& old) { return old.id == "null"; });
  }
  versions.push_back(std::move(version));
}

ApiResult<ObjectStore::Version> ObjectStore::store(const std::string& bucket, const std::string& key, Version version,
                                                   const Condition& condition) {
  if (key.empty() || key.size() > key_bytes) return refuse("KeyTooLongError", "Your key is too long");
  if (version.body.size() > object_byte_limit)
    return refuse("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
  version.etag = '"' + hex_md5(version.body) + '"';
  Events events = Events::off;
  std::uint64_t sequence = 0;
  {
    const std::scoped_lock lock(mutex_);
    IW_TRY(Bucket* const found, find(bucket));
    IW_CHECK(check(*found, key, condition));
    version.modified = clock_();
    keep(*found, key, version);
    version.id = found->versioning == Versioning::never ? "" : found->objects.at(key).back().id;
    events = found->events;
    sequence = ++sequence_;
  }
  if (events == Events::on && created_) {
    Json object{{"key", key},
                {"size", version.body.size()},
                {"etag", unquoted(version.etag)},
                {"sequencer", fmt::format("{:016X}", sequence)}};
    if (!version.id.empty()) object["version-id"] = version.id;
    created_(bucket, {{"version", "0"},
                      {"bucket", {{"name", bucket}}},
                      {"object", std::move(object)},
                      {"request-id", random_uuid()},
                      {"requester", account_id},
                      {"source-ip-address", "127.0.0.1"},
                      {"reason", "PutObject"}});
  }
  return version;
}

ObjectStore::Erased ObjectStore::erase(Bucket& bucket, const std::string& key, const std::string& version_id) {
  if (version_id.empty()) {
    if (bucket.versioning == Versioning::never) {
      bucket.objects.erase(key);
      return {};
    }
    Version marker;
    marker.kind = Version::Kind::delete_marker;
    marker.modified = clock_();
    keep(bucket, key, std::move(marker));
    return {bucket.objects.at(key).back().id, Version::Kind::delete_marker};
  }
  Erased erased{version_id, Version::Kind::object};
  const auto found = bucket.objects.find(key);
  if (found == bucket.objects.end()) return erased;
  std::erase_if(found->second, [&](const Version& version) {
    if (version.id != version_id) return false;
    erased.kind = version.kind;
    return true;
  });
  if (found->second.empty()) bucket.objects.erase(found);
  return erased;
}

ApiResult<ObjectStore::Bucket*> ObjectStore::make(const std::string& bucket) {
  if (!aws::is_bucket_name(bucket)) return refuse("InvalidBucketName", "The specified bucket is not valid.");
  const auto found = buckets_.find(bucket);
  if (found != buckets_.end()) return &found->second;
  if (buckets_.size() >= buckets_per_account)
    return refuse("TooManyBuckets", "You have attempted to create more buckets than allowed");
  Bucket& made = buckets_[bucket];
  made.created = clock_();
  return &made;
}

ApiResult<void> ObjectStore::create(const std::string& bucket, Versioning versioning, Events events) {
  const std::scoped_lock lock(mutex_);
  IW_TRY(Bucket* const made, make(bucket));
  made->versioning = versioning;
  made->events = events;
  return {};
}

ApiResult<std::string> ObjectStore::put(const std::string& bucket, const std::string& key, std::string body) {
  Version version;
  version.body = std::move(body);
  IW_TRY(const Version stored, store(bucket, key, std::move(version), {}));
  return stored.etag;
}

ApiResult<std::string> ObjectStore::get(const std::string& bucket, const std::string& key) const {
  const std::scoped_lock lock(mutex_);
  IW_TRY(const Bucket* const found, find(bucket));
  const Version* const version = current(*found, key);
  if (version == nullptr) return refuse("NoSuchKey", "The specified key does not exist.", 404);
  return version->body;
}

ApiResult<std::vector<std::string>> ObjectStore::keys(const std::string& bucket, const std::string& prefix) const {
  const std::scoped_lock lock(mutex_);
  IW_TRY(const Bucket* const found, find(bucket));
  std::vector<std::string> names;
  for (const auto& [key, versions] : found->objects) {
    if (key.starts_with(prefix) && versions.back().kind == Version::Kind::object) names.push_back(key);
  }
  return names;
}

void ObjectStore::remove(const std::string& bucket) {
  const std::scoped_lock lock(mutex_);
  buckets_.erase(bucket);
}

}  // namespace intelwall::lab
