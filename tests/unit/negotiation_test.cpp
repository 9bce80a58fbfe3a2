// SPDX-License-Identifier: Apache-2.0
#include "exporter/negotiation.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "exporter/gzip.h"

namespace ubc::exporter {
namespace {

TEST(Negotiation, TextIsForWhoeverDoesNotLikeOpenMetricsBetter) {
  for (const char* accept :
       {"", "*/*", "text/plain", "text/html", "application/openmetrics-text;q=0", "text/plain, application/openmetrics-text",
        "application/openmetrics-text;q=0.5,text/plain;q=0.6", "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;q=0.3,text/*", "application/openmetrics-text;q=nonsense", ",;,=;q"})
    EXPECT_EQ(format_for(accept), Format::text) << accept;
}

TEST(Negotiation, OpenMetricsIsForWhoeverDoes) {
  for (const char* accept : {"application/openmetrics-text", "Application/OpenMetrics-Text; Version=1.0.0 ; Q=0.9, text/plain;q=0.8",
                             "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/"
                             "plain;version=0.0.4;q=0.5,*/*;q=0.1",
                             "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1", "application/openmetrics-text, */*",
                             "text/plain;q=0.2, text/plain;version=0.0.4;q=0.3, application/*"})
    EXPECT_EQ(format_for(accept), Format::openmetrics) << accept;
}

TEST(Negotiation, GzipIsForWhoeverNamesItOrTakesAllButNotAtZero) {
  for (const char* yes : {"gzip", "deflate, GZIP;q=0.1", "*", "x-gzip", "identity;q=0, *;q=0.5", "*;q=0, gzip"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const char* no : {"", "identity", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "bgzip", "deflate, br"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

TEST(Negotiation, AQuerysParametersAreDecoded) {
  const auto query = parse_query("name%5B%5D=ubc_held_items&name[]=a+b%26&&flag&x=1=2");
  ASSERT_TRUE(query) << query.error().message;
  EXPECT_EQ(*query, (Query{{"name[]", "ubc_held_items"}, {"name[]", "a b&"}, {"flag", ""}, {"x", "1=2"}}));
  EXPECT_EQ(parse_query("")->size(), 0U);
}

TEST(Negotiation, ABrokenEscapeIsRefusedWithItsPlace) {
  EXPECT_EQ(parse_query("a=%4").error().message, "read the query at %4: two hexadecimal digits must follow a %, and not make a NUL");
  for (const char* broken : {"%", "a=%zz", "a=%00", "%1g=1"}) EXPECT_FALSE(parse_query(broken)) << broken;
}

TEST(Gzip, WhatIsPackedIsUnpackedAgain) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "ubc_held_items{ctid=\"" + std::to_string(i) + "\"} 1\n";
  for (const std::string& plain : {text, std::string{}}) {
    const auto packed = gzip(plain);
    ASSERT_TRUE(packed) << packed.error().message;
    EXPECT_TRUE(plain.empty() || packed->size() * 4 < plain.size());
    std::string unpacked(plain.size() + 1, '\0');
    z_stream stream{};
    ASSERT_EQ(::inflateInit2(&stream, 16 + 15), Z_OK);
    std::string copy = *packed;
    stream.next_in = reinterpret_cast<Bytef*>(copy.data());
    stream.avail_in = static_cast<uInt>(copy.size());
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream.avail_out = static_cast<uInt>(unpacked.size());
    EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
    unpacked.resize(stream.total_out);
    (void)::inflateEnd(&stream);
    EXPECT_EQ(unpacked, plain);
  }
}

}  // namespace
}  // namespace ubc::exporter
