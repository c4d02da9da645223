#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "findings/falcon_asff.hpp"
#include "findings/falcon_fields.hpp"

namespace intelwall::findings {

/// What a detection says of its host, spelled as in the Hosts API; `detection` is the event or the alert.
nlohmann::json device_in(const FalconFields& detection);

/// ASFF's resource for the host: the instance where it is one of AWS, else "Other" with the sensor's id.
nlohmann::json host_resource(const nlohmann::json& device, const std::string& finding_id, const AsffTarget& target);

/// A text member of a device, else empty.
std::string text_of_device(const nlohmann::json& device, const char* key);

}  // namespace intelwall::findings
