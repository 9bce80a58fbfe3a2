// SPDX-License-Identifier: Apache-2.0
// FEATURES and CAPABILITY, vzctl's words: what a guest may more, or less, than others. Pure, but for what the host lacks.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "isolate/guest_spec.h"
#include "os/result.h"

namespace ubc::container {

/// By name: on or off. Features in lower case, capabilities in upper case without "CAP_".
using Switches = std::map<std::string, bool>;

/// "fuse:on,tun:off", or with blanks, as in a configuration. Fails with Code::bad_value: a word that is no NAME:on|off, a name that nobody
/// knows, and what this host could not honour or shall not: the reason is the sentence.
[[nodiscard]] Result<Switches> parse_features(std::string_view text);
[[nodiscard]] Result<Switches> parse_capabilities(std::string_view text);
/// As a configuration keeps them.
[[nodiscard]] std::string text_of(const Switches& switches);
/// What a configuration says, changed; what it says that cannot be honoured stays there, and has no effect.
[[nodiscard]] std::string changed(std::string_view configured, const Switches& changes);

/// What of a configuration cannot be honoured: a sentence each.
[[nodiscard]] std::vector<std::string> complaints_of(std::string_view features, std::string_view capabilities);

/// Loads what features need of the host, and gives their devices to the guest; nothing for those that are off. What this host has not goes
/// to `notes`.
void grant_features(std::string_view features, isolate::GuestSpec& spec, std::vector<std::string>& notes);
/// Those that are off, by number.
[[nodiscard]] std::vector<int> denied_capabilities(std::string_view capabilities);

}  // namespace ubc::container
