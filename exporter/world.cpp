// SPDX-License-Identifier: Apache-2.0
#include "exporter/world.h"

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

bool is_called(const ContainerReading& container, std::string_view text) {
  const auto id = os::parse_number(text);
  return id ? container.id == *id : !container.name.empty() && container.name == text;
}

}  // namespace

Result<FoundContainer> find_in(const WorldReading& reading, std::string_view text) {
  for (const ContainerReading& container : reading.host.running)
    if (is_called(container, text)) return FoundContainer{container, true};
  for (const ContainerReading& container : reading.stopped)
    if (is_called(container, text)) return FoundContainer{container, false};
  return os::error(Code::not_found, "there is no container {}", os::printable(text));
}

}  // namespace ubc::exporter
