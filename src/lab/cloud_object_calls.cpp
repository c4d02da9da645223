// The calls of S3: REST, with XML.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "aws/http.hpp"
#include "aws/text.hpp"
#include "aws/xml_text.hpp"
#include "lab/cloud.hpp"
#include "lab/cloud_objects.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t page_size = 1000;
constexpr std::string_view owner_id = "1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1";

/// Parts of a query that choose another operation; those without a name here are not served.
struct SubResource {
  const char *method, *name, *operation;
};
constexpr std::array bucket_sub_resources{SubResource{"GET", "versioning", "GetBucketVersioning"},
                                          SubResource{"PUT", "versioning", "PutBucketVersioning"},
                                          SubResource{"GET", "notification", "GetBucketNotificationConfiguration"},
                                          SubResource{"PUT", "notification", "PutBucketNotificationConfiguration"},
                                          SubResource{"GET", "location", "GetBucketLocation"},
                                          SubResource{"GET", "versions", "ListObjectVersions"},
                                          SubResource{"GET", "list-type", "ListObjectsV2"},
                                          SubResource{"POST", "delete", "DeleteObjects"}};
/// Parts of a query that do not choose an operation.
constexpr std::array plain_parameters{"prefix",        "delimiter",   "max-keys",   "continuation-token", "start-after",
                                      "encoding-type", "fetch-owner", "key-marker", "version-id-marker",  "versionId",
                                      "x-id",          "max-buckets"};

std::string element(std::string_view name, std::string_view text) {
  return fmt::format("<{0}>{1}</{0}>", name, xml_escaped(text));
}

/// "2026-11-24T12:00:00.000Z"
std::string xml_time(Time time) {
  std::string text = format_time(time);
  return text.substr(0, text.size() - 1) + ".000Z";
}

std::string header_time(Time time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

CloudResponse empty_answer(int status = 200) {
  CloudResponse response;
  response.status = status;
  response.content_type = "application/xml";
  return response;
}

CloudResponse xml_answer(std::string_view root, std::string_view content) {
  CloudResponse response = empty_answer();
  response.body = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{0} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{1}</{0}>",
      root, content);
  return response;
}

std::unexpected<ApiError> malformed() {
  return refuse("MalformedXML", "The XML you provided was not well-formed or did not validate against our schema");
}

std::string digest_text(const EVP_MD* kind, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  IW_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, kind, nullptr) == 1);
  return to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

/// What the sender says of the body must be so, where it says it in a way that is looked at here.
ApiResult<void> check_digests(const CloudRequest& http) {
  const std::string_view md5 = http.header("content-md5"), sha256 = http.header("x-amz-checksum-sha256");
  if (!md5.empty() && md5 != digest_text(EVP_md5(), http.body))
    return refuse("BadDigest", "The Content-MD5 you specified did not match what we received.");
  if (!sha256.empty() && sha256 != digest_text(EVP_sha256(), http.body))
    return refuse("BadDigest", "The SHA256 you specified did not match the calculated checksum.");
  return {};
}

/// Names of the general front end as S3 has them.
std::string error_name(const std::string& name) {
  if (name == "UnrecognizedClientException") return "InvalidAccessKeyId";
  if (name == "InvalidSignatureException") return "SignatureDoesNotMatch";
  if (name == "IncompleteSignatureException") return "AuthorizationHeaderMalformed";
  if (name == "MissingAuthenticationTokenException") return "AccessDenied";
  if (name == "RequestEntityTooLargeException") return "EntityTooLarge";
  return name == "UnknownOperationException" ? "NotImplemented" : name;
}

/// What the lists have in common: `max-keys`, and how names are written.
struct ListForm {
  std::size_t most = page_size;
  std::string encoding;
  std::string name(std::string_view text) const {
    return encoding.empty() ? xml_escaped(text) : aws::encode_path(text);
  }
  std::string named(std::string_view tag, std::string_view text) const {
    return fmt::format("<{0}>{1}</{0}>", tag, name(text));
  }
};

ApiResult<ListForm> form_of(const ObjectStore::Request& request) {
  ListForm form;
  form.encoding = request.parameter("encoding-type");
  if (!form.encoding.empty() && form.encoding != "url")
    return refuse("InvalidArgument", "Invalid Encoding Method specified in Request");
  const std::string most = request.parameter("max-keys");
  if (most.empty()) return form;
  const char* const end = most.data() + most.size();
  const auto parsed = std::from_chars(most.data(), end, form.most);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return refuse("InvalidArgument", "Provided max-keys not an integer or within integer range");
  form.most = std::min(form.most, page_size);
  return form;
}

}  // namespace

std::string ObjectStore::Request::parameter(const char* name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

ObjectStore::Request ObjectStore::Request::of(const CloudRequest& http) {
  Request request{http, {}, {}, {}, {}};
  const std::string_view path = std::string_view(http.path).substr(std::min<std::size_t>(1, http.path.size()));
  const std::size_t slash = std::min(path.find('/'), path.size());
  request.bucket = decode_percent(path.substr(0, slash));
  request.key = decode_percent(path.substr(std::min(slash + 1, path.size())));
  const SubResource* chosen = nullptr;
  bool unknown = false;
  for (const auto part : aws::split(http.query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    std::string name = decode_percent(part.substr(0, equals));
    const auto sub = std::ranges::find_if(
        bucket_sub_resources, [&](const SubResource& each) { return each.method == http.method && each.name == name; });
    if (sub != bucket_sub_resources.end() && request.key.empty()) {
      chosen = sub;
    } else if (std::ranges::find(plain_parameters, name) == plain_parameters.end()) {
      unknown = true;
    }
    request.query[std::move(name)] = decode_percent(part.substr(std::min(equals + 1, part.size())));
  }
  const std::string& method = http.method;
  if (unknown) return request;
  if (chosen != nullptr) {
    request.operation = chosen->operation;
  } else if (!request.key.empty()) {
    if (method == "PUT" && http.header("x-amz-copy-source").empty()) request.operation = "PutObject";
    if (method == "GET") request.operation = "GetObject";
    if (method == "HEAD") request.operation = "HeadObject";
    if (method == "DELETE") request.operation = "DeleteObject";
  } else if (!request.bucket.empty()) {
    if (method == "PUT") request.operation = "CreateBucket";
    if (method == "HEAD") request.operation = "HeadBucket";
    if (method == "DELETE") request.operation = "DeleteBucket";
  } else if (method == "GET") {
    request.operation = "ListBuckets";
  }
  return request;
}

std::string ObjectStore::operation_of(const CloudRequest& request) {
  return Request::of(request).operation;
}

CloudResponse ObjectStore::refusal(const CloudRequest& request, const ApiError& error) {
  CloudResponse response = empty_answer(error.status);
  const std::string id = random_uuid();
  response.headers["x-amz-request-id"] = id;
  response.body = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>{}{}{}{}</Error>",
                              element("Code", error_name(error.name)), element("Message", error.message),
                              element("Resource", printable(request.path, 1024)), element("RequestId", id));
  return response;
}

CloudResponse ObjectStore::handle(const CloudRequest& http) {
  const Request request = Request::of(http);
  Answer answer = run(request);
  if (!answer) return refusal(http, answer.error());
  answer->headers["x-amz-request-id"] = random_uuid();
  return *std::move(answer);
}

ObjectStore::Answer ObjectStore::run(const Request& request) {
  const std::string& operation = request.operation;
  if (operation.empty())
    return refuse("NotImplemented", "A header you provided implies functionality that is not implemented", 501);
  const auto is_text = [](const auto& parameter) { return is_utf8(parameter.first) && is_utf8(parameter.second); };
  if (!is_utf8(request.key) || !is_utf8(request.bucket) || !std::ranges::all_of(request.query, is_text))
    return refuse("InvalidURI", "Couldn't parse the specified URI.");
  if (operation == "PutObject") return put_object(request);
  if (operation == "ListBuckets") return list_buckets();
  if (operation == "CreateBucket") {
    const std::scoped_lock lock(mutex_);
    IW_CHECK(make(request.bucket));  // creating one's own again is no error in us-east-1
    CloudResponse response = empty_answer();
    response.headers["Location"] = "/" + request.bucket;
    return response;
  }
  const std::scoped_lock lock(mutex_);
  IW_TRY(Bucket* const bucket, find(request.bucket));
  return run_on_bucket(request, *bucket);
}

ObjectStore::Answer ObjectStore::run_on_bucket(const Request& request, Bucket& bucket) {
  const std::string& operation = request.operation;
  if (operation == "GetObject" || operation == "HeadObject") return get_object(request, bucket);
  if (operation == "DeleteObject") return delete_object(request, bucket);
  if (operation == "DeleteObjects") return delete_objects(request, bucket);
  if (operation == "ListObjectsV2") return list_objects(request, bucket);
  if (operation == "ListObjectVersions") return list_versions(request, bucket);
  if (operation == "PutBucketVersioning") return set_versioning(request, bucket);
  if (operation == "PutBucketNotificationConfiguration") return set_notification(request, bucket);
  if (operation == "GetBucketVersioning")
    return xml_answer("VersioningConfiguration", bucket.versioning == Versioning::never ? std::string()
                                                 : bucket.versioning == Versioning::enabled
                                                     ? element("Status", "Enabled")
                                                     : element("Status", "Suspended"));
  if (operation == "GetBucketNotificationConfiguration")
    return xml_answer("NotificationConfiguration",
                      bucket.events == Events::on ? "<EventBridgeConfiguration></EventBridgeConfiguration>" : "");
  if (operation == "GetBucketLocation") return xml_answer("LocationConstraint", "");  // as of us-east-1
  if (operation == "DeleteBucket") {
    if (!bucket.objects.empty()) return refuse("BucketNotEmpty", "The bucket you tried to delete is not empty", 409);
    buckets_.erase(request.bucket);
    return empty_answer(204);
  }
  CloudResponse response = empty_answer();  // HeadBucket
  response.headers["x-amz-bucket-region"] = region;
  return response;
}

ObjectStore::Answer ObjectStore::list_buckets() const {
  const std::scoped_lock lock(mutex_);
  std::string buckets;
  for (const auto& [name, bucket] : buckets_)
    buckets += "<Bucket>" + element("Name", name) + element("CreationDate", xml_time(bucket.created)) + "</Bucket>";
  return xml_answer("ListAllMyBucketsResult",
                    "<Owner>" + element("ID", owner_id) + "</Owner><Buckets>" + buckets + "</Buckets>");
}

ObjectStore::Answer ObjectStore::put_object(const Request& request) {
  IW_CHECK(check_digests(request.http));
  Version version;
  version.body = request.http.body;
  version.content_type = request.http.header("content-type");
  for (const auto& [name, value] : request.http.headers) {
    if (name.starts_with("x-amz-meta-")) version.metadata[name] = value;
  }
  IW_TRY(const Version stored,
         store(request.bucket, request.key, std::move(version),
               {std::string(request.http.header("if-match")), std::string(request.http.header("if-none-match"))}));
  CloudResponse response = empty_answer();
  response.headers["ETag"] = stored.etag;
  response.headers["x-amz-server-side-encryption"] = "AES256";
  if (!stored.id.empty()) response.headers["x-amz-version-id"] = stored.id;
  return response;
}

ObjectStore::Answer ObjectStore::get_object(const Request& request, const Bucket& bucket) const {
  const auto found = bucket.objects.find(request.key);
  if (found == bucket.objects.end()) return refuse("NoSuchKey", "The specified key does not exist.", 404);
  const std::string id = request.parameter("versionId");
  const auto& versions = found->second;
  const auto version = id.empty() ? std::prev(versions.end()) : std::ranges::find(versions, id, &Version::id);
  if (version == versions.end()) return refuse("NoSuchVersion", "The specified version does not exist.", 404);
  if (version->kind == Version::Kind::delete_marker) {
    CloudResponse response = refusal(
        request.http,
        id.empty() ? ApiError{"NoSuchKey", "The specified key does not exist.", 404}
                   : ApiError{"MethodNotAllowed", "The specified method is not allowed against this resource.", 405});
    response.headers["x-amz-delete-marker"] = "true";
    response.headers["x-amz-version-id"] = version->id;
    return response;
  }
  CloudResponse response;
  response.content_type = version->content_type.empty() ? "binary/octet-stream" : version->content_type;
  response.body = version->body;
  response.headers = version->metadata;
  response.headers["ETag"] = version->etag;
  response.headers["Last-Modified"] = header_time(version->modified);
  response.headers["x-amz-server-side-encryption"] = "AES256";
  if (bucket.versioning != Versioning::never) response.headers["x-amz-version-id"] = version->id;
  return response;
}

ObjectStore::Answer ObjectStore::delete_object(const Request& request, Bucket& bucket) {
  const Erased erased = erase(bucket, request.key, request.parameter("versionId"));
  CloudResponse response = empty_answer(204);
  if (!erased.version_id.empty()) response.headers["x-amz-version-id"] = erased.version_id;
  if (erased.kind == Version::Kind::delete_marker) response.headers["x-amz-delete-marker"] = "true";
  return response;
}

ObjectStore::Answer ObjectStore::delete_objects(const Request& request, Bucket& bucket) {
  const auto has_digest = std::ranges::any_of(request.http.headers, [](const auto& header) {
    return header.first == "content-md5" || header.first.starts_with("x-amz-checksum-");
  });
  if (!has_digest)
    return refuse("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  IW_CHECK(check_digests(request.http));
  const auto objects = aws::xml_elements(request.http.body, "Object");
  if (objects.empty() || objects.size() > page_size) return malformed();
  const bool quiet = aws::xml_text(request.http.body, "Quiet") == "true";
  std::string deleted;
  for (const auto object : objects) {
    const std::string key = aws::xml_text(object, "Key"), id = aws::xml_text(object, "VersionId");
    const Erased erased = erase(bucket, key, id);
    if (quiet) continue;
    deleted += "<Deleted>" + element("Key", key);
    if (!id.empty()) deleted += element("VersionId", id);
    if (erased.kind == Version::Kind::delete_marker)
      deleted += element("DeleteMarker", "true") + element("DeleteMarkerVersionId", erased.version_id);
    deleted += "</Deleted>";
  }
  return xml_answer("DeleteResult", deleted);
}

ObjectStore::Answer ObjectStore::list_objects(const Request& request, const Bucket& bucket) {
  IW_TRY(const ListForm form, form_of(request));
  const std::string prefix = request.parameter("prefix"), delimiter = request.parameter("delimiter");
  const std::string token = request.parameter("continuation-token"), after = request.parameter("start-after");
  const auto resumed = from_base64(token);
  if (!resumed) return refuse("InvalidArgument", "The continuation token provided is incorrect");
  std::string last = token.empty() ? after : *resumed;
  std::string contents, prefixes;
  std::size_t count = 0;
  bool truncated = false;
  for (auto at = bucket.objects.upper_bound(last); at != bucket.objects.end(); ++at) {
    const auto& [key, versions] = *at;
    if (!key.starts_with(prefix) || versions.back().kind == Version::Kind::delete_marker) continue;
    const std::size_t cut = delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
    const std::string group = cut == std::string::npos ? "" : key.substr(0, cut + delimiter.size());
    if (!group.empty() && group == last) continue;  // its prefix stands already in this or the last page
    if (count == form.most) {
      truncated = form.most > 0;
      break;
    }
    ++count;
    last = group.empty() ? key : group;
    if (!group.empty()) {
      prefixes += "<CommonPrefixes>" + form.named("Prefix", group) + "</CommonPrefixes>";
      continue;
    }
    const Version& version = versions.back();
    contents += "<Contents>" + form.named("Key", key) + element("LastModified", xml_time(version.modified)) +
                element("ETag", version.etag) + element("Size", std::to_string(version.body.size())) +
                element("StorageClass", "STANDARD") + "</Contents>";
  }
  std::string out = element("Name", request.bucket) + form.named("Prefix", prefix) +
                    element("KeyCount", std::to_string(count)) + element("MaxKeys", std::to_string(form.most)) +
                    element("IsTruncated", truncated ? "true" : "false");
  if (!delimiter.empty()) out += form.named("Delimiter", delimiter);
  if (!form.encoding.empty()) out += element("EncodingType", form.encoding);
  if (!after.empty()) out += form.named("StartAfter", after);
  if (!token.empty()) out += element("ContinuationToken", token);
  if (truncated) out += element("NextContinuationToken", to_base64(last));
  return xml_answer("ListBucketResult", out + contents + prefixes);
}

ObjectStore::Answer ObjectStore::list_versions(const Request& request, const Bucket& bucket) {
  IW_TRY(const ListForm form, form_of(request));
  if (!request.parameter("delimiter").empty())
    return refuse("NotImplemented", "The lab lists versions without a delimiter.", 501);
  const std::string prefix = request.parameter("prefix"), key_marker = request.parameter("key-marker");
  const std::string id_marker = request.parameter("version-id-marker");
  std::string items, last_key, last_id;
  std::size_t count = 0;
  bool truncated = false;
  for (auto at = bucket.objects.lower_bound(key_marker); at != bucket.objects.end() && !truncated; ++at) {
    const auto& [key, versions] = *at;
    if (!key.starts_with(prefix) || (key == key_marker && !key.empty() && id_marker.empty())) continue;
    bool past_marker = key != key_marker || id_marker.empty();
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (!past_marker) {
        past_marker = version->id == id_marker;
        continue;
      }
      if (count == form.most) {
        truncated = form.most > 0;
        break;
      }
      ++count;
      last_key = key;
      last_id = version->id;
      const bool is_object = version->kind == Version::Kind::object;
      const char* const tag = is_object ? "Version" : "DeleteMarker";
      items += fmt::format("<{}>", tag) + form.named("Key", key) + element("VersionId", version->id) +
               element("IsLatest", version == versions.rbegin() ? "true" : "false") +
               element("LastModified", xml_time(version->modified));
      if (is_object)
        items += element("ETag", version->etag) + element("Size", std::to_string(version->body.size())) +
                 element("StorageClass", "STANDARD");
      items += fmt::format("<Owner>{}</Owner></{}>", element("ID", owner_id), tag);
    }
  }
  std::string out = element("Name", request.bucket) + form.named("Prefix", prefix) +
                    form.named("KeyMarker", key_marker) + element("VersionIdMarker", id_marker) +
                    element("MaxKeys", std::to_string(form.most)) +
                    element("IsTruncated", truncated ? "true" : "false");
  if (!form.encoding.empty()) out += element("EncodingType", form.encoding);
  if (truncated) out += form.named("NextKeyMarker", last_key) + element("NextVersionIdMarker", last_id);
  return xml_answer("ListVersionsResult", out + items);
}

ObjectStore::Answer ObjectStore::set_versioning(const Request& request, Bucket& bucket) {
  const std::string status = aws::xml_text(request.http.body, "Status");
  if (status != "Enabled" && status != "Suspended") return malformed();
  bucket.versioning = status == "Enabled" ? Versioning::enabled : Versioning::suspended;
  return empty_answer();
}

ObjectStore::Answer ObjectStore::set_notification(const Request& request, Bucket& bucket) {
  const std::string& body = request.http.body;
  if (!body.contains("<NotificationConfiguration")) return malformed();
  for (const char* other : {"<QueueConfiguration", "<TopicConfiguration", "<CloudFunctionConfiguration"}) {
    if (body.contains(other)) return refuse("NotImplemented", "The lab notifies EventBridge only.", 501);
  }
  bucket.events = body.contains("<EventBridgeConfiguration") ? Events::on : Events::off;
  return empty_answer();
}

}  // namespace intelwall::lab
