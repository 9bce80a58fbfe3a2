// SPDX-License-Identifier: Apache-2.0
// Prometheus' text and OpenMetrics 1.0, written straight into a buffer: a label is rendered once for all the samples that carry it, and a
// number costs no stream. In Format::text every byte is what prometheus-cpp's TextSerializer writes (tests/unit/exposition_test.cpp).
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ubc::exporter {

enum class Format : std::uint8_t { text, openmetrics };
[[nodiscard]] std::string_view content_type_of(Format format);

enum class Kind : std::uint8_t {
  gauge,
  counter,   ///< its name ends in _total
  info,      ///< its name ends in _info, its value is 1
};

/// Labels as both formats write them: rendered once, escaped.
class Labels {
 public:
  Labels() = default;
  Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> labels);
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string text_;
};

class Exposition {
 public:
  /// Appends to `out`. `names`: of the samples that are wanted ("ubc_failures_total"); empty: all.
  Exposition(std::string& out, Format format, std::vector<std::string> names = {});

  /// Begins a family; its samples follow, together. False: nobody wants it, and its samples are dropped. One without samples leaves no
  /// trace. The unit is the name's: "ubc_held_bytes". Names and help live as long as the family is written.
  bool family(std::string_view name, Kind kind, std::string_view help);

  template <std::integral T>
  void sample(const Labels& labels, T value) {
    sample(labels, {}, value);
  }
  template <std::integral T>
  void sample(const Labels& of_subject, const Labels& more, T value) {
    if (begin_sample(of_subject, more)) put(static_cast<std::uint64_t>(value));
  }
  void sample(const Labels& labels, double value) {
    if (begin_sample(labels, {})) put(value);
  }
  void sample(const Labels& of_subject, const Labels& more, double value) {
    if (begin_sample(of_subject, more)) put(value);
  }

  /// A family of one sample.
  template <typename T>
  void one(std::string_view name, Kind kind, std::string_view help, T value, const Labels& labels = {}) {
    if (family(name, kind, help)) sample(labels, value);
  }

  /// After the last family.
  void end();
  [[nodiscard]] std::uint64_t samples() const { return samples_; }

 private:
  bool begin_sample(const Labels& of_subject, const Labels& more);
  void put(std::uint64_t value);
  void put(double value);
  void write_head();

  std::string& out_;
  Format format_;
  std::vector<std::string> names_;
  std::string_view name_, help_;
  Kind kind_ = Kind::gauge;
  bool wanted_ = false, head_written_ = false;
  std::uint64_t samples_ = 0;
};

}  // namespace ubc::exporter
