#pragma once

#include <optional>
#include <string>

#include "aws/credentials.hpp"
#include "falcon/url.hpp"

namespace intelwall::falcon {

/// The base URL of a Falcon cloud: "us-1", "us-2", "us-3", "eu-1", "us-gov-1", "us-gov-2"; case and hyphens do not
/// matter ("USGov1", "gov1"). Nothing for a name that is none.
std::optional<Origin> cloud_named(std::string_view name);
/// The names, for error texts.
std::string cloud_names();
/// The name of the cloud behind this base URL, or empty.
std::string name_of_cloud(const Origin& origin);

/// Whether the cloud that the token answer names in X-Cs-Region is followed.
enum class Discovery { off, on };

/// Who asks where. The keys are never logged and never part of an Error.
struct Settings {
  Origin origin;
  Discovery discovery = Discovery::off;
  std::string client_id;
  std::string client_secret;
  std::string member_cid;  ///< the child of an MSSP's parent; usually empty
};

/// FALCON_CLIENT_ID, FALCON_CLIENT_SECRET and FALCON_MEMBER_CID; where: FALCON_BASE_URL, else the cloud that
/// FALCON_CLOUD or FALCON_CLOUD_REGION names, else us-1 with discovery ("autodiscover" says the same). Plain http is
/// taken only to this machine: everything else would send the secret in clear.
Result<Settings> settings_from(const aws::Environment& env);

}  // namespace intelwall::falcon
