// For tests/aws/test_credentials_botocore.py: what the chain finds in this process's environment, as JSON.
#include <iostream>
#include <nlohmann/json.hpp>

#include "aws/credential_chain.hpp"

int main(int argc, char** argv) {
  using namespace intelwall;
  const auto env = aws::process_environment();
  aws::ChainOptions options;
  options.region = "us-east-1";
  if (argc > 1) options.profile = argv[1];
  const auto found = aws::credential_chain(env, options)->get();
  if (found)
    std::cout << nlohmann::json{found->access_key_id, found->secret_access_key, found->session_token} << '\n';
  else
    std::cout << nlohmann::json{{"error", found.error().to_text()}} << '\n';
  return 0;
}
