// SPDX-License-Identifier: Apache-2.0
#include "isolate/layer_diff.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace ubc::isolate {
namespace {

namespace fs = std::filesystem;

class LayerDiff : public testing::Test {
 protected:
  LayerDiff() {
    std::string name = testing::TempDir() + "/layer_diff.XXXXXX";
    root_ = ::mkdtemp(name.data());
    for (const char* directory : {"/lower/etc", "/lower/bin", "/upper/etc"}) fs::create_directories(root_ + directory);
    put("/lower/etc/passwd");
    put("/lower/etc/old");
  }
  ~LayerDiff() override { fs::remove_all(root_); }
  void put(const std::string& path) { std::ofstream{root_ + path} << "x"; }
  std::vector<std::string> diff() {
    std::vector<std::string> lines;
    outcome_ = layer_diff(root_ + "/lower", root_ + "/upper", [&](Change change, const std::string& path) {
      lines.push_back(std::string{static_cast<char>(change)} + " " + path);
    });
    return lines;
  }

  std::string root_;
  Result<> outcome_;
};

TEST_F(LayerDiff, TellsWhatIsNewWhatIsOtherAndWhatIsGone) {
  put("/upper/etc/passwd");
  put("/upper/etc/new");
  ASSERT_EQ(::mknod((root_ + "/upper/etc/old").c_str(), S_IFCHR, 0), 0);
  fs::create_directories(root_ + "/upper/srv/www");
  fs::create_symlink("/etc", root_ + "/upper/srv/link");   // not followed
  const std::vector<std::string> want{"C /etc", "A /etc/new", "D /etc/old", "C /etc/passwd", "A /srv", "A /srv/link", "A /srv/www"};
  EXPECT_EQ(diff(), want);
  EXPECT_TRUE(outcome_);
}

TEST_F(LayerDiff, ADirectoryInThePlaceOfAFileOrALinkIsNotComparedWithWhatTheLinkNames) {
  fs::create_symlink("/", root_ + "/lower/opt");
  fs::create_directories(root_ + "/upper/opt/etc");
  const std::vector<std::string> want{"C /etc", "C /opt", "A /opt/etc"};
  EXPECT_EQ(diff(), want);
}

TEST_F(LayerDiff, ATreeThatIsTooDeepIsSaid) {
  std::string path = root_ + "/upper/etc";
  for (int i = 0; i < 200; ++i) path += "/d";
  fs::create_directories(path);
  (void)diff();
  ASSERT_FALSE(outcome_);
  EXPECT_EQ(outcome_.error().code, Code::corrupt);
}

}  // namespace
}  // namespace ubc::isolate
