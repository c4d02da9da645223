#include "aws/s3.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "aws/endpoint.hpp"
#include "aws/xml_text.hpp"

namespace intelwall::aws {

namespace {

using Repeat = ServiceClient::Repeat;

constexpr int max_pages = 10'000;            // of a thousand objects
constexpr std::size_t max_versions = 1'000;  // of one DeleteObjects

bool by_path(const Session& session, const std::string& bucket) {
  const auto endpoint = resolve_endpoint(session.env, "S3", "s3", session.region);
  return (endpoint && endpoint->given) || bucket.contains('.');
}

std::string base64_sha256(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  IW_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  std::array<unsigned char, 45> text{};
  const int size = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size)};
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::unexpected<Error> no_answer_of_s3(const std::string& operation) {
  return fail(ErrorCode::protocol, "the answer is none of S3", "s3 " + operation,
              "check AWS_ENDPOINT_URL: this is not an answer of an AWS service");
}

}  // namespace

bool is_bucket_name(std::string_view text) {
  const auto is_end = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return text.size() >= 3 && text.size() <= 63 && is_end(text.front()) && is_end(text.back()) &&
         text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [&](char c) { return is_end(c) || c == '.' || c == '-'; });
}

S3Client::S3Client(const Session& session, const std::string& bucket) : client_(session, "S3", "s3", "s3") {
  if (!is_bucket_name(bucket))
    name_status_ = fail(ErrorCode::usage, "\"" + printable(bucket, 80) + "\" is not the name of an S3 bucket");
  if (by_path(session, bucket))
    path_ = '/' + bucket;
  else
    host_ = bucket + '.';
}

HttpRequest S3Client::request_for(const char* method, const std::string& key) const {
  HttpRequest request;
  request.method = method;
  request.host = host_;
  request.path = path_ + '/' + key;
  return request;
}

Result<S3Client::Content> S3Client::get(const std::string& key) const {
  IW_CHECK(name_status_);
  IW_TRY(auto response, client_.call_raw(request_for("GET", key), Repeat::safe));
  auto etag = response.header("etag");
  if (etag.empty()) return no_answer_of_s3("GetObject");
  return Content{std::move(response.body), std::move(etag)};
}

Result<std::string> S3Client::put(const std::string& key, const std::string& body,
                                  const WriteCondition& condition) const {
  IW_CHECK(name_status_);
  auto request = request_for("PUT", key);
  request.body = body;
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  if (condition.kind == WriteCondition::Kind::absent) request.headers.emplace_back("If-None-Match", "*");
  if (condition.kind == WriteCondition::Kind::matches) request.headers.emplace_back("If-Match", condition.etag);
  IW_TRY(const auto response, client_.call_raw(std::move(request), Repeat::safe));
  auto etag = response.header("etag");
  if (etag.empty()) return no_answer_of_s3("PutObject");
  return etag;
}

Result<std::size_t> S3Client::remove_everything() const {
  IW_CHECK(name_status_);
  std::size_t removed = 0;
  // Always the first page: what it named is gone then.
  for (int page = 0; page < max_pages; ++page) {
    auto request = request_for("GET", "");
    request.query = {{"versions", ""}};
    const auto response = client_.call_raw(std::move(request), Repeat::safe);
    if (!response && service_error_name(response.error()) == "NoSuchBucket") return removed;
    IW_CHECK(response);
    if (!response->body.contains("<ListVersionsResult")) return no_answer_of_s3("ListObjectVersions");
    std::vector<Version> versions;
    for (const char* tag : {"Version", "DeleteMarker"})
      for (const auto version : xml_elements(response->body, tag))
        versions.push_back({xml_text(version, "Key"), xml_text(version, "VersionId")});
    if (versions.empty()) return removed;
    for (std::size_t at = 0; at < versions.size(); at += max_versions)
      IW_CHECK(remove_versions(std::span(versions).subspan(at, std::min(max_versions, versions.size() - at))));
    removed += versions.size();
  }
  return no_answer_of_s3("ListObjectVersions");
}

Result<void> S3Client::remove_versions(std::span<const Version> versions) const {
  auto request = request_for("POST", "");
  request.query = {{"delete", ""}};
  request.body = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const auto& [key, id] : versions) {
    request.body += "<Object><Key>" + xml_escaped(key) + "</Key>";
    if (!id.empty()) request.body += "<VersionId>" + xml_escaped(id) + "</VersionId>";
    request.body += "</Object>";
  }
  request.body += "</Delete>";
  request.headers = {{"Content-Type", "application/xml"}, {"x-amz-checksum-sha256", base64_sha256(request.body)}};
  IW_TRY(const auto response, client_.call_raw(std::move(request), Repeat::safe));
  if (!response.body.contains("<DeleteResult")) return no_answer_of_s3("DeleteObjects");
  const auto refused = xml_elements(response.body, "Error");
  if (refused.empty()) return {};
  return fail(
      ErrorCode::denied,
      printable(xml_text(refused.front(), "Code"), 60) + ": " + printable(xml_text(refused.front(), "Message"), 200),
      "s3 DeleteObjects, " + printable(xml_text(refused.front(), "Key"), 80));
}

}  // namespace intelwall::aws
