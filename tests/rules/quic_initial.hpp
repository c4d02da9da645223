#pragma once

#include <string>
#include <string_view>

namespace intelwall::testing {

/// A client's first QUIC version 1 datagram (RFC 9000, RFC 9001): an Initial packet of at least 1,200 bytes, protected
/// by the keys that everybody can derive, with a TLS 1.3 ClientHello that names `sni`.
std::string quic_initial(std::string_view sni);

}  // namespace intelwall::testing
