#pragma once

// A packet capture written by the test itself: Ethernet, IPv4, TCP with handshake, and on top a TLS ClientHello, an
// HTTP request or a DNS query. Each call adds one flow from client_address and returns its client port, by which
// Suricata's events (src_port) are told apart. Checksums are right, so no engine needs -k none.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace intelwall::testing {

/// Big-endian bytes of an integer.
inline std::string be16(std::size_t value) {
  return {static_cast<char>((value >> 8) & 0xff), static_cast<char>(value & 0xff)};
}
inline std::string be24(std::size_t value) {
  return static_cast<char>((value >> 16) & 0xff) + be16(value);
}
inline std::string be32(std::size_t value) {
  return be16(value >> 16) + be16(value);
}

/// A TLS 1.2 record with a ClientHello that names `sni`.
inline std::string client_hello(std::string_view sni) {
  const auto entry = std::string(1, '\0') + be16(sni.size()) + std::string(sni);  // host_name
  const auto list = be16(entry.size()) + entry;
  const auto extensions = be16(0) + be16(list.size()) + list;  // server_name, RFC 6066
  const auto body = std::string("\x03\x03", 2) + std::string(32, 'r') + std::string(1, '\0') +
                    std::string("\x00\x04\x13\x01\xc0\x2f", 6) + std::string("\x01\x00", 2) + be16(extensions.size()) +
                    extensions;
  const auto handshake = std::string(1, '\x01') + be24(body.size()) + body;
  return std::string("\x16\x03\x01", 3) + be16(handshake.size()) + handshake;
}

/// An HTTP/1.1 request; `host` goes in as it is given, port and all.
inline std::string http_request(std::string_view host, std::string_view target = "/") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) +
         "\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
}

/// A DNS query for an A record.
inline std::string dns_query(std::string_view name) {
  std::string labels;
  while (!name.empty()) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    labels += static_cast<char>(label.size());
    labels += label;
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  return be16(0x1234) + be16(0x0100) + be16(1) + be16(0) + be16(0) + be16(0) + labels + '\0' + be16(1) + be16(1);
}

class Pcap {
 public:
  /// `many`: when a client's ports are used up, the next address goes on.
  enum class Clients { one, many };
  explicit Pcap(Clients clients = Clients::one) : clients_(clients) {}

  static constexpr std::string_view client_address = "10.1.2.3";
  static constexpr std::string_view server_address = "198.51.100.7";

  /// `segment`: the payload is sent in TCP segments of at most so many bytes.
  std::uint16_t tls(std::string_view sni, std::size_t segment = 1400) { return tcp(443, client_hello(sni), segment); }
  std::uint16_t http(std::string_view host, std::string_view target = "/") {
    return tcp(80, http_request(host, target));
  }
  std::uint16_t dns_udp(std::string_view name) { return udp(53, dns_query(name)); }
  std::uint16_t dns_tcp(std::string_view name) {
    const auto query = dns_query(name);
    return tcp(53, be16(query.size()) + query);
  }

  /// One TCP flow: handshake, the payload from the client, an acknowledgement, and the end of the flow.
  std::uint16_t tcp(std::uint16_t server_port, std::string_view payload, std::size_t segment = 1400) {
    const auto port = next_port();
    const Side client{client_ip_, server_ip, port, server_port};
    const Side server{server_ip, client_ip_, server_port, port};
    std::uint32_t seq = 1000;
    tcp_packet(client, seq++, 0, syn, {});
    tcp_packet(server, 5000, seq, syn | ack, {});
    tcp_packet(client, seq, 5001, ack, {});
    while (!payload.empty()) {
      const auto part = payload.substr(0, segment);
      tcp_packet(client, seq, 5001, push | ack, part);
      seq += static_cast<std::uint32_t>(part.size());
      tcp_packet(server, 5001, seq, ack, {});
      payload.remove_prefix(part.size());
    }
    tcp_packet(client, seq++, 5001, fin | ack, {});
    tcp_packet(server, 5001, seq, fin | ack, {});
    tcp_packet(client, seq, 5002, ack, {});
    return port;
  }

  std::uint16_t udp(std::uint16_t server_port, std::string_view payload) {
    const auto port = next_port();
    const auto length = be16(8 + payload.size());
    const auto head = be16(port) + be16(server_port) + length;
    const auto sum =
        checksum(be32(client_ip_) + be32(server_ip) + be16(17) + length + head + be16(0) + std::string(payload));
    ip_packet({client_ip_, server_ip, port, server_port}, 17,
              head + be16(sum == 0 ? 0xffff : sum) + std::string(payload));
    return port;
  }

  /// The file: classic pcap, link type Ethernet, host byte order as the magic number tells.
  const std::string& bytes() const { return bytes_; }
  /// The same from where the last call ended, for captures that are written piece by piece.
  std::string take_bytes() { return std::exchange(bytes_, {}); }

 private:
  struct Side {
    std::uint32_t source, destination;
    std::uint16_t source_port, destination_port;
  };
  static constexpr std::uint32_t server_ip = 0xc6336407;
  static constexpr std::uint16_t first_port = 1024;
  static constexpr std::uint8_t fin = 1, syn = 2, push = 8, ack = 16;

  std::uint16_t next_port() {
    if (port_ == 0xffff) {
      if (clients_ == Clients::one) throw std::runtime_error("a client has at most 64,511 flows");
      ++client_ip_;
      port_ = first_port;
    }
    return port_++;
  }

  static std::string native32(std::uint32_t value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

  static std::uint16_t checksum(std::string_view bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::uint32_t byte = static_cast<unsigned char>(bytes[i]);
      sum += i % 2 == 0 ? byte << 8 : byte;
    }
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum & 0xffff);
  }

  void tcp_packet(const Side& side, std::uint32_t seq, std::uint32_t acknowledged, std::uint8_t flags,
                  std::string_view payload) {
    const auto head = be16(side.source_port) + be16(side.destination_port) + be32(seq) + be32(acknowledged) + '\x50' +
                      static_cast<char>(flags) + be16(0xffff);
    const auto length = be16(20 + payload.size());
    const auto sum =
        checksum(be32(side.source) + be32(side.destination) + be16(6) + length + head + be32(0) + std::string(payload));
    ip_packet(side, 6, head + be16(sum) + be16(0) + std::string(payload));
  }

  void ip_packet(const Side& side, std::uint8_t protocol, const std::string& payload) {
    const auto before = "\x45" + std::string(1, '\0') + be16(20 + payload.size()) + be16(++ip_id_) + be16(0x4000) +
                        '\x40' + static_cast<char>(protocol);
    const auto after = be32(side.source) + be32(side.destination);
    const auto sum = checksum(before + be16(0) + after);
    const auto frame = std::string("\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", 14) + before + be16(sum) + after + payload;
    const auto size = native32(static_cast<std::uint32_t>(frame.size()));
    micros_ += 100;
    bytes_ += native32(1'760'000'000 + micros_ / 1'000'000) + native32(micros_ % 1'000'000) + size + size + frame;
  }

  std::string bytes_ = native32(0xa1b2c3d4) + std::string("\x02\0\x04\0", 4) + native32(0) + native32(0) +
                       native32(262'144) + native32(1);
  Clients clients_;
  std::uint32_t client_ip_ = 0x0a010203;
  std::uint16_t port_ = first_port;
  std::uint16_t ip_id_ = 0;
  std::uint32_t micros_ = 0;
};

}  // namespace intelwall::testing
