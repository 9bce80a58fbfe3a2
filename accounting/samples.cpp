// SPDX-License-Identifier: Apache-2.0
#include "accounting/samples.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "os/directory.h"

namespace ubc::accounting {
namespace {

constexpr std::string_view kPrefix = "ve-", kSuffix = ".conf-sample";

Result<ConfigFile> checked(ConfigFile file, std::string_view name) {
  if (!file.complaints().empty()) return os::error(Code::bad_value, "sample {}, {}", name, file.complaints().front());
  for (const ResourceInfo& info : kResources) UBC_TRY(os::with_context(file.limits(info), fmt::format("sample {}", name)));
  return file;
}

}  // namespace

bool is_sample_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.find('/') == name.npos;
}

std::string sample_path(const std::string& directory, std::string_view name) {
  return fmt::format("{}/{}{}{}", directory, kPrefix, name, kSuffix);
}

std::vector<std::string> sample_names(const std::string& directory) {
  std::set<std::string> names;
  for (const Sample& sample : builtin_samples()) names.emplace(sample.name);
  for (const std::string& file : os::names_in(directory).value_or(std::vector<std::string>{}))
    if (file.starts_with(kPrefix) && file.ends_with(kSuffix) && file.size() > kPrefix.size() + kSuffix.size())
      names.insert(file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size()));
  return {names.begin(), names.end()};
}

Result<ConfigFile> load_sample(const std::string& directory, std::string_view name) {
  if (is_sample_name(name)) {
    if (const std::string path = sample_path(directory, name); ::access(path.c_str(), F_OK) == 0)
      return checked(UBC_TRY(ConfigFile::load(path)), name);
    const auto found = std::ranges::find(builtin_samples(), name, &Sample::name);
    if (found != builtin_samples().end()) return checked(ConfigFile::parse(found->text), name);
  }
  std::string known;
  for (const std::string& each : sample_names(directory)) known += (known.empty() ? "" : ", ") + each;
  return os::error(Code::not_found, "there is no sample configuration {}: those that exist are {}", name, known);
}

bool is_own_key(std::string_view key) {
  constexpr std::string_view kOwn[] = {"VE_ROOT",     "VE_PRIVATE", "OSTEMPLATE", "DIST", "HOSTNAME",
                                       "DESCRIPTION", "IP_ADDRESS", "NETIF",      "GROUP"};
  return std::ranges::find(kOwn, key) != std::end(kOwn);
}

}  // namespace ubc::accounting
