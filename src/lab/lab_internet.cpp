#include "lab/lab_internet.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "lab/lab.hpp"
#include "lab/network.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "os/process.hpp"

namespace intelwall::lab {
namespace {

Result<void> openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  IW_TRY(const auto result, os::run(arguments));
  if (result.exit_code == 0) return {};
  return fail(ErrorCode::system, "openssl cannot make the lab's certificates: " + printable(result.err, 300));
}

/// A CA that lives as long as the lab, and one certificate for all names of its internet.
Result<void> make_certificates(const std::filesystem::path& tls) {
  std::string names;
  for (const std::string name :
       {bad_name, good_name, homograph_name, lookalike_prefix, lookalike_suffix, bad_subdomain}) {
    names += fmt::format("DNS:{0},DNS:*.{0},", name);
  }
  names += "DNS:*.example.com,DNS:*.example.net,DNS:*.example.org,DNS:localhost";
  IW_CHECK(openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-keyout", tls / "ca.key", "-out", tls / "ca.pem", "-subj", "/CN=intelwall lab CA", "-addext",
                    "keyUsage=critical,keyCertSign"}));
  return openssl({"req",
                  "-x509",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:P-256",
                  "-nodes",
                  "-days",
                  "30",
                  "-CA",
                  tls / "ca.pem",
                  "-CAkey",
                  tls / "ca.key",
                  "-keyout",
                  tls / "server.key",
                  "-out",
                  tls / "server.pem",
                  "-subj",
                  "/CN=lab",
                  "-addext",
                  "subjectAltName=" + names,
                  "-addext",
                  "basicConstraints=critical,CA:FALSE"});
}

/// One process without a user to change to, so that it works as root and as the root of a user namespace.
std::string nginx_configuration(const std::filesystem::path& directory) {
  const auto log = directory / "logs";
  return fmt::format(R"(daemon off;
master_process off;
user root root;
pid "{0}/run/nginx.pid";
error_log "{1}/nginx-error.log";
events {{}}
http {{
  access_log "{1}/nginx-access.log";
  client_body_temp_path "{0}/run/nginx-body";
  proxy_temp_path "{0}/run/nginx-proxy";
  fastcgi_temp_path "{0}/run/nginx-fastcgi";
  uwsgi_temp_path "{0}/run/nginx-uwsgi";
  scgi_temp_path "{0}/run/nginx-scgi";
  default_type text/plain;
  ssl_certificate "{0}/tls/server.pem";
  ssl_certificate_key "{0}/tls/server.key";
  server {{
    listen {2}:80 default_server;
    listen {2}:443 ssl default_server;
    location = /large {{ alias "{0}/www/large"; limit_rate 1m; }}
    location / {{ return 200 "$host of the lab's internet\n"; }}
  }}
}}
)",
                     directory.string(), log.string(), internet_address);
}

/// The first answer on a TCP port of the namespace we are in.
Result<void> wait_for_port(std::uint16_t port, pid_t server, const std::filesystem::path& log) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (;;) {
    const os::Descriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    IW_ASSERT(::inet_pton(AF_INET, internet_address, &address.sin_addr) == 1);
    if (probe.get() >= 0 && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return {};
    if (!os::is_running(server) || std::chrono::steady_clock::now() > deadline) {
      const auto words = os::read_file(log);
      return fail(ErrorCode::unavailable,
                  fmt::format("the lab's server on port {} does not start: {}", port,
                              words ? printable(*words, 300) : std::string("it left no log")),
                  printable(log.string()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Result<void> start_servers(const std::filesystem::path& directory) {
  const auto nginx_log = directory / "logs/nginx.log";
  const auto dns_log = directory / "logs/dnsmasq.log";
  IW_TRY(const auto nginx, os::spawn({"nginx", "-p", directory.string(), "-c", directory / "www/nginx.conf", "-e",
                                      directory / "logs/nginx-error.log"},
                                     {.output = nginx_log}));
  IW_TRY(const auto dns,
         os::spawn({"dnsmasq", "--conf-file=" + (directory / "www/dnsmasq.conf").string(), "--no-daemon"},
                   {.output = dns_log}));
  IW_CHECK(wait_for_port(443, nginx, nginx_log));
  return wait_for_port(53, dns, dns_log);
}

}  // namespace

std::filesystem::path ca_file(const std::filesystem::path& directory) {
  return directory / "tls/ca.pem";
}
std::filesystem::path resolver_file(const std::filesystem::path& directory) {
  return directory / "www/resolv.conf";
}

Result<void> start_internet(const std::filesystem::path& directory) {
  IW_CHECK(make_certificates(directory / "tls"));
  IW_CHECK(os::replace_file(directory / "www/nginx.conf", nginx_configuration(directory)));
  // A quarter of an hour of download that takes no room: a file of nothing but a hole.
  IW_CHECK(os::replace_file(directory / "www/large", ""));
  std::error_code error;
  std::filesystem::resize_file(directory / "www/large", std::uintmax_t{1} << 30, error);
  if (error) return fail(ErrorCode::system, "cannot make the lab's large file: " + error.message());
  // Its debug mode keeps it in the foreground, under the user who starts it and without a pid file.
  IW_CHECK(
      os::replace_file(directory / "www/dnsmasq.conf",
                       fmt::format("no-resolv\nno-hosts\nno-poll\nlisten-address={0}\nbind-interfaces\n"
                                   "except-interface=lo\naddress=/#/{0}\ncache-size=0\nlocal-ttl=1\nlog-facility=-\n",
                                   internet_address)));
  IW_CHECK(os::replace_file(resolver_file(directory),
                            fmt::format("nameserver {}\noptions timeout:1 attempts:2\n", internet_address)));
  return in_namespace(internet_namespace, [&] { return start_servers(directory); });
}

}  // namespace intelwall::lab
