#include "lab/cloud_products.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "lab/cloud.hpp"
#include "lab/cloud_shape.hpp"

namespace intelwall::lab {
namespace {

std::array<std::string, 2> partner_products() {
  return {fmt::format("arn:aws:securityhub:{}:517716713836:product/crowdstrike/crowdstrike-falcon", region),
          fmt::format("arn:aws:securityhub:{}::product/aws/guardduty", region)};
}

std::string subscription_of(const std::string& product_arn) {
  constexpr std::string_view word = ":product/";
  return fmt::format("arn:aws:securityhub:{}:{}:product-subscription/{}", region, account_id,
                     product_arn.substr(product_arn.find(word) + word.size()));
}

}  // namespace

std::string own_product() {
  return fmt::format("arn:aws:securityhub:{}:{}:product/{}/default", region, account_id, account_id);
}

ProductSubscriptions::ProductSubscriptions() {
  for (const auto& product : partner_products()) enabled_[product] = subscription_of(product);
}

bool ProductSubscriptions::may_import(const std::string& product_arn) const {
  const std::scoped_lock lock(mutex_);
  return product_arn == own_product() || enabled_.contains(product_arn);
}

ApiAnswer ProductSubscriptions::enable(const Json& input) {
  const std::string product = text_or(input, "ProductArn");
  const auto known = partner_products();
  if (std::ranges::find(known, product) == known.end())
    return refuse("InvalidInputException", fmt::format("The lab knows no product {}", printable(product, 128)));
  const std::scoped_lock lock(mutex_);
  const auto [entry, fresh] = enabled_.emplace(product, subscription_of(product));
  if (!fresh) return refuse("ResourceConflictException", "The product is already enabled", 409);
  return Json{{"ProductSubscriptionArn", entry->second}};
}

ApiAnswer ProductSubscriptions::disable(const Json& input) {
  const std::string subscription = text_or(input, "ProductSubscriptionArn");
  const std::scoped_lock lock(mutex_);
  const auto removed = std::erase_if(enabled_, [&](const auto& entry) { return entry.second == subscription; });
  if (removed == 0) return refuse("ResourceNotFoundException", "There is no product subscription with this ARN", 404);
  return Json::object();
}

ApiAnswer ProductSubscriptions::list(const Json& input) const {
  std::vector<Json> subscriptions;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [product, subscription] : enabled_) subscriptions.emplace_back(subscription);
  }
  IW_TRY(Page page, page_of(subscriptions, input, 100, "InvalidAccessException"));
  Json out{{"ProductSubscriptions", std::move(page.items)}};
  if (page.next) out["NextToken"] = *page.next;
  return out;
}

}  // namespace intelwall::lab
