#include "rules/quic_initial.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <stdexcept>

#include "rules/pcap.hpp"

namespace intelwall::testing {
namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string out(32, '\0');
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(text), text.size(), bytes(out), &size) ==
      nullptr)
    throw std::runtime_error("HMAC failed");
  return out;
}

/// HKDF-Expand-Label of TLS 1.3 (RFC 8446, 7.1) for at most one block.
std::string expand_label(std::string_view secret, std::string_view label, std::size_t size) {
  const auto full = "tls13 " + std::string(label);
  const auto info = be16(size) + static_cast<char>(full.size()) + full + std::string(1, '\0');
  return hmac_sha256(secret, info + '\x01').substr(0, size);
}

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;
Cipher cipher() {
  return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
}

std::string aes_gcm(const std::string& key, const std::string& nonce, std::string_view associated,
                    std::string_view plain) {
  const auto context = cipher();
  std::string out(plain.size() + 16, '\0');
  int size = 0;
  const bool good =
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, bytes(key), bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, bytes(associated), static_cast<int>(associated.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), bytes(out), &size, bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), bytes(out) + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, 16, bytes(out) + plain.size()) == 1;
  if (!good) throw std::runtime_error("AES-GCM failed");
  return out;
}

std::string aes_block(const std::string& key, std::string_view block) {
  const auto context = cipher();
  std::string out(32, '\0');
  int size = 0;
  if (EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, bytes(key), nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), bytes(out), &size, bytes(block), static_cast<int>(block.size())) != 1)
    throw std::runtime_error("AES failed");
  return out;
}

}  // namespace

std::string quic_initial(std::string_view sni) {
  using namespace std::string_literals;
  const auto connection = "\x83\x94\xc8\xf0\x3e\x51\x57\x08"s;
  const auto salt = "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"s;
  const auto secret = expand_label(hmac_sha256(salt, connection), "client in", 32);
  const auto key = expand_label(secret, "quic key", 16);
  const auto iv = expand_label(secret, "quic iv", 12);
  const auto protection = expand_label(secret, "quic hp", 16);

  // A CRYPTO frame at offset 0 holds the handshake message; the record's five bytes of header are TCP's.
  const auto hello = client_hello(sni).substr(5);
  auto plain = "\x06\x00"s + be16(0x4000 | hello.size()) + hello;
  if (plain.size() < 1'162) plain.resize(1'162, '\0');  // PADDING frames

  const auto number = "\0\0\0\0"s;
  const auto header = "\xc3\0\0\0\x01"s + static_cast<char>(connection.size()) + connection + "\0\0"s +
                      be16(0x4000 | (number.size() + plain.size() + 16)) + number;
  // Packet number 0: the nonce is the iv.
  const auto sealed = aes_gcm(key, iv, header, plain);
  const auto mask = aes_block(protection, std::string_view(sealed).substr(4 - number.size(), 16));
  auto packet = header + sealed;
  packet[0] = static_cast<char>(packet[0] ^ (mask[0] & 0x0f));
  for (std::size_t i = 0; i < number.size(); ++i) {
    auto& byte = packet[header.size() - number.size() + i];
    byte = static_cast<char>(byte ^ mask[i + 1]);
  }
  return packet;
}

}  // namespace intelwall::testing
