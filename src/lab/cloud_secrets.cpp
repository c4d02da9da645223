#include "lab/cloud_secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "lab/cloud.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

constexpr std::size_t secrets_per_account = 10'000;
constexpr std::size_t arn_suffix = 7;  // "-AbC123"
constexpr std::int64_t value_bytes = 65'536;
constexpr const char* current = "AWSCURRENT";
constexpr const char* previous = "AWSPREVIOUS";

std::unexpected<ApiError> not_found(const char* what) {
  return refuse("ResourceNotFoundException", what);
}

bool is_secret_name(std::string_view name) {
  return !name.empty() && name.size() <= 512 && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("/_+=.@-").contains(c);
  });
}

bool has_stage(const auto& version, const std::string& stage) {
  return std::ranges::find(version.stages, stage) != version.stages.end();
}

/// The one value of a call: exactly one of the two kinds.
ApiResult<Json> value_of(const Json& input) {
  if (has(input, "SecretString") == has(input, "SecretBinary"))
    return refuse("InvalidRequestException", has(input, "SecretString")
                                                 ? "You can't specify both a binary secret value and a string secret "
                                                   "value in the same secret."
                                                 : "You must provide either SecretString or SecretBinary.");
  if (has(input, "SecretString")) return Json{{"SecretString", input.at("SecretString")}};
  if (!from_base64(text_or(input, "SecretBinary")))
    return refuse("SerializationException", "SecretBinary is no base64");
  return Json{{"SecretBinary", input.at("SecretBinary")}};
}

}  // namespace

ApiAnswer SecretStore::call(const std::string& operation, Json input) {
  using namespace shapes;  // NOLINT(google-build-using-namespace)
  struct Operation {
    ApiAnswer (SecretStore::*run)(const Json&);
    ShapePtr input;
  };
  static const std::unordered_map<std::string, Operation> operations = [] {
    const Shape::Member id = required("SecretId", text(1, 2048));
    const Shape::Member token = shapes::optional("ClientRequestToken", text(32, 64));
    const Shape::Member plain = shapes::optional("SecretString", text(1, value_bytes));
    const Shape::Member binary = shapes::optional("SecretBinary", text(1, value_bytes * 4 / 3 + 4));
    return std::unordered_map<std::string, Operation>{
        {"CreateSecret",
         {&SecretStore::create,
          structure({required("Name", text(1, 512)), token, plain, binary,
                     shapes::optional("Description", text(0, 2048)), shapes::optional("KmsKeyId", text(0, 2048)),
                     shapes::optional("Tags", list(object()))})}},
        {"GetSecretValue",
         {&SecretStore::get, structure({id, shapes::optional("VersionId", text(32, 64)),
                                        shapes::optional("VersionStage", text(1, 256))})}},
        {"PutSecretValue", {&SecretStore::put, structure({id, token, plain, binary})}},
        {"DescribeSecret", {&SecretStore::describe, structure({id})}},
        {"DeleteSecret",
         {&SecretStore::erase, structure({id, shapes::optional("RecoveryWindowInDays", integer(7, 30)),
                                          shapes::optional("ForceDeleteWithoutRecovery", boolean())})}},
        {"RestoreSecret", {&SecretStore::restore, structure({id})}},
    };
  }();
  const auto found = operations.find(operation);
  if (found == operations.end()) return no_operation(operation);
  IW_CHECK(check_input(*found->second.input, input));
  const std::scoped_lock lock(mutex_);
  forget_deleted();
  return (this->*found->second.run)(input);
}

void SecretStore::forget_deleted() {
  const Time now = clock_();
  std::erase_if(secrets_, [now](const auto& entry) { return entry.second.deletion && *entry.second.deletion <= now; });
}

ApiResult<SecretStore::Secret*> SecretStore::find(const Json& input) {
  const std::string id = text_or(input, "SecretId");
  for (auto& [name, secret] : secrets_) {
    if (id == name || id == secret.arn || id == secret.arn.substr(0, secret.arn.size() - arn_suffix)) return &secret;
  }
  return not_found("Secrets Manager can't find the specified secret.");
}

ApiResult<std::string> SecretStore::add_version(Secret& secret, const Json& input, Time now) {
  IW_TRY(Json value, value_of(input));
  std::string id = text_or(input, "ClientRequestToken");
  if (id.empty()) id = random_uuid();
  if (const auto there = std::ranges::find(secret.versions, id, &Version::id); there != secret.versions.end()) {
    // The same call again is no error, so that it can be repeated.
    if (there->value == value) return id;
    return refuse("ResourceExistsException",
                  fmt::format("You can't use ClientRequestToken {} because that value is already in use for a version "
                              "of secret {}.",
                              printable(id, 64), secret.arn));
  }
  for (Version& version : secret.versions) {
    std::erase(version.stages, previous);
    std::ranges::replace(version.stages, std::string(current), std::string(previous));
  }
  std::erase_if(secret.versions, [](const Version& version) { return version.stages.empty(); });
  secret.versions.push_back({id, std::move(value), {current}, now});
  secret.changed = now;
  return id;
}

ApiAnswer SecretStore::create(const Json& input) {
  const std::string name = text_or(input, "Name");
  if (!is_secret_name(name))
    return refuse("InvalidParameterException",
                  "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: "
                  "-/_+=.@!");
  if (const auto found = secrets_.find(name); found != secrets_.end())
    return found->second.deletion
               ? refuse("InvalidRequestException",
                        "You can't create this secret because a secret with this name is already scheduled for "
                        "deletion.")
               : refuse("ResourceExistsException",
                        fmt::format("The operation failed because the secret {} already exists.", name));
  if (secrets_.size() >= secrets_per_account)
    return refuse("LimitExceededException", "The lab has its limit of secrets.");
  const Time now = clock_();
  Secret secret;
  secret.name = name;
  secret.arn = fmt::format("arn:aws:secretsmanager:{}:{}:secret:{}-{}", region, account_id, name,
                           random_uuid().substr(0, arn_suffix - 1));
  secret.description = text_or(input, "Description");
  if (has(input, "Tags")) secret.tags = input.at("Tags");
  secret.created = secret.changed = now;
  Json out{{"ARN", secret.arn}, {"Name", name}};
  if (has(input, "SecretString") || has(input, "SecretBinary")) {
    IW_TRY(out["VersionId"], add_version(secret, input, now));
  }
  secrets_.emplace(name, std::move(secret));
  return out;
}

ApiAnswer SecretStore::get(const Json& input) {
  IW_TRY(const Secret* const secret, find(input));
  if (secret->deletion)
    return refuse("InvalidRequestException",
                  "You can't perform this operation on the secret because it was marked for deletion.");
  const std::string id = text_or(input, "VersionId");
  const std::string stage = text_or(input, "VersionStage", id.empty() ? current : "");
  const auto version = std::ranges::find_if(secret->versions, [&](const Version& each) {
    return (id.empty() || each.id == id) && (stage.empty() || has_stage(each, stage));
  });
  if (version == secret->versions.end())
    return not_found("Secrets Manager can't find the specified secret value for that version or staging label.");
  Json out{{"ARN", secret->arn},
           {"Name", secret->name},
           {"VersionId", version->id},
           {"VersionStages", version->stages},
           {"CreatedDate", version->created.time_since_epoch().count()}};
  out.update(version->value);
  return out;
}

ApiAnswer SecretStore::put(const Json& input) {
  IW_TRY(Secret* const secret, find(input));
  if (secret->deletion)
    return refuse("InvalidRequestException",
                  "You can't perform this operation on the secret because it was marked for deletion.");
  IW_TRY(const std::string id, add_version(*secret, input, clock_()));
  const auto version = std::ranges::find(secret->versions, id, &Version::id);
  return Json{{"ARN", secret->arn}, {"Name", secret->name}, {"VersionId", id}, {"VersionStages", version->stages}};
}

ApiAnswer SecretStore::describe(const Json& input) {
  IW_TRY(const Secret* const secret, find(input));
  Json stages = Json::object();
  for (const Version& version : secret->versions) stages[version.id] = version.stages;
  Json out{{"ARN", secret->arn},
           {"Name", secret->name},
           {"CreatedDate", secret->created.time_since_epoch().count()},
           {"LastChangedDate", secret->changed.time_since_epoch().count()},
           {"VersionIdsToStages", std::move(stages)}};
  if (!secret->description.empty()) out["Description"] = secret->description;
  if (!secret->tags.empty()) out["Tags"] = secret->tags;
  if (secret->deletion) out["DeletedDate"] = secret->deletion->time_since_epoch().count();
  return out;
}

ApiAnswer SecretStore::erase(const Json& input) {
  const bool forced = is_true(input, "ForceDeleteWithoutRecovery");
  if (forced && has(input, "RecoveryWindowInDays"))
    return refuse("InvalidParameterException",
                  "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
  IW_TRY(Secret* const secret, find(input));
  if (secret->deletion && !forced)
    return refuse("InvalidRequestException",
                  "You can't perform this operation on the secret because it was already scheduled for deletion.");
  const Time gone = clock_() + std::chrono::days(forced ? 0 : integer_or(input, "RecoveryWindowInDays", 30));
  Json out{{"ARN", secret->arn}, {"Name", secret->name}, {"DeletionDate", gone.time_since_epoch().count()}};
  secret->deletion = gone;
  forget_deleted();
  return out;
}

ApiAnswer SecretStore::restore(const Json& input) {
  IW_TRY(Secret* const secret, find(input));
  secret->deletion.reset();
  return Json{{"ARN", secret->arn}, {"Name", secret->name}};
}

ApiResult<std::string> SecretStore::set(const std::string& name, const std::string& text) {
  ApiAnswer answer = call("CreateSecret", {{"Name", name}, {"SecretString", text}});
  if (!answer && answer.error().name == "ResourceExistsException")
    answer = call("PutSecretValue", {{"SecretId", name}, {"SecretString", text}});
  IW_TRY(const Json made, std::move(answer));
  return text_or(made, "ARN");
}

void SecretStore::remove(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  secrets_.erase(name);
}

}  // namespace intelwall::lab
