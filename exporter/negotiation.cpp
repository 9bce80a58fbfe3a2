// SPDX-License-Identifier: Apache-2.0
#include "exporter/negotiation.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <optional>

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

/// What is before the next `delimiter`, trimmed; `rest` goes on behind it.
std::string_view next_part(std::string_view& rest, char delimiter) {
  const std::size_t end = std::min(rest.find(delimiter), rest.size());
  const std::string_view part = os::trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::string in_lower_case(std::string_view text) {
  std::string lower{text};
  for (char& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + ('a' - 'A'));
  return lower;
}

/// 0 to 1000. What is no number is 0: nobody is given what they may not have wanted.
int parse_quality(std::string_view text) {
  double quality = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), quality, std::chars_format::fixed);
  if (failed != std::errc{} || end != text.data() + text.size() || !(quality >= 0)) return 0;
  return static_cast<int>(std::min(quality, 1.0) * 1000);
}

struct Choice {
  std::string name;      ///< in lower case: "text/plain", "gzip", "*"
  std::string version;   ///< empty: any
  int quality = 1000;
};

Choice parse_choice(std::string_view text) {
  Choice choice;
  choice.name = in_lower_case(next_part(text, ';'));
  while (!text.empty()) {
    std::string_view value = next_part(text, ';');
    const std::string key = in_lower_case(next_part(value, '='));
    if (key == "q") choice.quality = parse_quality(value);
    if (key == "version") choice.version = value;
  }
  return choice;
}

/// How much a client likes something; a choice that names it outdoes one that names all of its kind, whatever their q.
struct Liking {
  int quality = 0, exactness = -1;
};

void consider(Liking& liking, const Choice& choice, int exactness) {
  if (exactness > liking.exactness || (exactness == liking.exactness && choice.quality > liking.quality))
    liking = {choice.quality, exactness};
}

int digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

Result<std::string> decode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
    if (high < 0 || low < 0 || high + low == 0)
      return os::error(Code::bad_value, "read the query at {}: two hexadecimal digits must follow a %, and not make a NUL",
                       os::printable(text.substr(i, 3)));
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

}  // namespace

Result<Query> parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    std::string_view value = next_part(text, '&');
    if (value.empty()) continue;
    std::string name = UBC_TRY(decode(next_part(value, '=')));
    query.emplace_back(std::move(name), UBC_TRY(decode(value)));
  }
  return query;
}

Format format_for(std::string_view accept) {
  Liking text, openmetrics;
  while (!accept.empty()) {
    const Choice choice = parse_choice(next_part(accept, ','));
    if (choice.name == "*/*") {
      consider(text, choice, 0);
      consider(openmetrics, choice, 0);
    }
    if (choice.name == "text/*") consider(text, choice, 1);
    if (choice.name == "application/*") consider(openmetrics, choice, 1);
    if (choice.name == "text/plain" && (choice.version.empty() || choice.version == "0.0.4")) consider(text, choice, 2);
    if (choice.name == "application/openmetrics-text" && (choice.version.empty() || choice.version == "1.0.0"))
      consider(openmetrics, choice, 2);
  }
  if (openmetrics.quality != text.quality) return openmetrics.quality > text.quality ? Format::openmetrics : Format::text;
  return openmetrics.quality > 0 && openmetrics.exactness > text.exactness ? Format::openmetrics : Format::text;
}

bool accepts_gzip(std::string_view accept_encoding) {
  Liking gzip;
  while (!accept_encoding.empty()) {
    const Choice choice = parse_choice(next_part(accept_encoding, ','));
    if (choice.name == "*") consider(gzip, choice, 0);
    if (choice.name == "gzip" || choice.name == "x-gzip") consider(gzip, choice, 1);
  }
  return gzip.quality > 0;
}

}  // namespace ubc::exporter
