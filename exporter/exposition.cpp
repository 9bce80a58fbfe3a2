// SPDX-License-Identifier: Apache-2.0
#include "exporter/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace ubc::exporter {
namespace {

/// A family whose name ends in one of these is measured in it.
constexpr auto kUnits = std::to_array<std::string_view>({"bytes", "cores", "items", "ratio", "seconds"});
/// As the library writes doubles; an integer that is one is written plainly.
constexpr int kDigits = 16;
constexpr std::uint64_t kExactUpTo = 1ULL << 53;

void escape(std::string& out, std::string_view text, bool quotes) {
  for (const char letter : text) switch (letter) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '"': out += quotes ? "\\\"" : "\""; break;
      default: out += letter;
    }
}

std::string_view suffix_of(Kind kind) {
  switch (kind) {
    case Kind::gauge: return "";
    case Kind::counter: return "_total";
    case Kind::info: return "_info";
  }
  std::unreachable();
}

std::string_view type_of(Kind kind, Format format) {
  switch (kind) {
    case Kind::gauge: return "gauge";
    case Kind::counter: return "counter";
    case Kind::info: return format == Format::text ? "gauge" : "info";
  }
  std::unreachable();
}

std::string_view unit_of(std::string_view family) {
  const std::string_view last = family.substr(family.rfind('_') + 1);
  const auto* const unit = std::ranges::find(kUnits, last);
  return unit == kUnits.end() ? std::string_view{} : *unit;
}

template <typename... Arguments>
void put_number(std::string& out, Arguments... how) {
  std::array<char, 32> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), how...).ptr);
}

}  // namespace

std::string_view content_type_of(Format format) {
  return format == Format::text ? "text/plain; version=0.0.4; charset=utf-8" : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

Labels::Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> labels) {
  for (const auto& [name, value] : labels) {
    if (!text_.empty()) text_ += ',';
    text_ += name;
    text_ += "=\"";
    escape(text_, value, true);
    text_ += '"';
  }
}

Exposition::Exposition(std::string& out, Format format, std::vector<std::string> names)
    : out_{out}, format_{format}, names_{std::move(names)} {}

bool Exposition::family(std::string_view name, Kind kind, std::string_view help) {
  name_ = name;
  help_ = help;
  kind_ = kind;
  head_written_ = false;
  wanted_ = names_.empty() || std::ranges::find(names_, name) != names_.end();
  return wanted_;
}

void Exposition::write_head() {
  head_written_ = true;
  std::string_view family = name_;
  if (format_ == Format::openmetrics) family.remove_suffix(suffix_of(kind_).size());
  for (const auto& [keyword, text] : {std::pair{"# HELP ", help_}, {"# TYPE ", type_of(kind_, format_)}, {"# UNIT ", unit_of(family)}}) {
    if (keyword[2] == 'U' && (format_ == Format::text || text.empty())) continue;
    out_ += keyword;
    out_ += family;
    out_ += ' ';
    escape(out_, text, format_ == Format::openmetrics);
    out_ += '\n';
  }
}

bool Exposition::begin_sample(const Labels& of_subject, const Labels& more) {
  if (!wanted_) return false;
  if (!head_written_) write_head();
  ++samples_;
  out_ += name_;
  if (!of_subject.text().empty() || !more.text().empty()) {
    out_ += '{';
    out_ += of_subject.text();
    if (!of_subject.text().empty() && !more.text().empty()) out_ += ',';
    out_ += more.text();
    out_ += '}';
  }
  out_ += ' ';
  return true;
}

void Exposition::put(std::uint64_t value) {
  if (value > kExactUpTo) return put(static_cast<double>(value));
  put_number(out_, value);
  out_ += '\n';
}

void Exposition::put(double value) {
  if (std::isinf(value))
    out_ += value > 0 ? "+Inf" : "-Inf";
  else if (std::isnan(value))
    out_ += format_ == Format::text ? "Nan" : "NaN";
  else
    put_number(out_, value, std::chars_format::general, kDigits);
  out_ += '\n';
}

void Exposition::end() {
  if (format_ == Format::openmetrics) out_ += "# EOF\n";
}

}  // namespace ubc::exporter
