// SPDX-License-Identifier: Apache-2.0
// ubctl top without a terminal: keys in, lines out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/top_model.h"
#include "cli/top_picture.h"

namespace ubc::cli {
namespace {

using accounting::Limit;
using accounting::Limits;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Key kEnter{Key::Kind::enter}, kEscape{Key::Kind::escape}, kDown{Key::Kind::down}, kBackspace{Key::Kind::backspace};

/// numproc `held` of 100:120, 2,560 pages.
TopRow row(std::uint32_t id, const std::string& name, std::uint64_t held) {
  TopRow made{.id = id, .name = name, .adopted = false, .counters = {}, .cpu_seconds = 1.0};
  made.counters.of(UBC_NUMPROC) = {.held = held, .maxheld = held, .barrier = 100, .limit = 120, .failcnt = 0};
  made.counters.of(UBC_PHYSPAGES).held = 2560;
  return made;
}

TopReading reading(double seconds, std::vector<TopRow> rows) {
  return {.seconds = seconds, .clock = "10:00:00", .rows = std::move(rows), .refusals = {}, .usage = {}, .failures = {}};
}

class Top : public testing::Test {
 protected:
  TopState state;
  ScreenSize size;

  void SetUp() override { take_reading(state, reading(0, {row(101, "web", 50), row(102, "db", 99), row(103, "mail", 10)})); }
  TopWish type(const std::string& text) {
    TopWish wish;
    for (const char c : text) wish = press(state, {Key::Kind::character, c}, size);
    return wish;
  }
  TopWish hit(const Key& key) { return press(state, key, size); }
  std::vector<std::uint32_t> ids() const {
    std::vector<std::uint32_t> shown;
    for (const TopEntry* entry : visible(state)) shown.push_back(entry->row.id);
    return shown;
  }
  std::string line(std::size_t number) const { return picture_of(state, size).lines.at(number).text; }
  std::string last_line() const { return picture_of(state, size).lines.back().text; }
};

TEST_F(Top, WhoIsNearestABarrierComesFirst) {
  EXPECT_THAT(ids(), ElementsAre(102, 101, 103));
  EXPECT_EQ(line(0), "ubctl top  10:00:00  3 running  by NEAREST BARRIER");
  EXPECT_EQ(line(1), "      CTID NAME             NEAREST BARRIER            NPROC  PHYSP  CPU% FAILS");
  EXPECT_EQ(line(2), "       102 db               numproc       #######  99%    99    10M     -      ");
  EXPECT_EQ(line(3), "       101 web              numproc       ####...  50%    50    10M     -      ");
  EXPECT_EQ(picture_of(state, size).lines[2].style, Style::selected);
}

TEST_F(Top, TheNextLookSaysWhatWasUsedAndRefusedSince) {
  TopRow refused = row(101, "web", 50);
  refused.counters.of(UBC_NUMPROC).failcnt = 3;
  refused.counters.of(UBC_NUMFILE).failcnt = 1;
  refused.cpu_seconds = 2.0;
  take_reading(state, reading(4, {refused, row(102, "db", 89)}));
  EXPECT_EQ(line(3), "       101 web              numproc       ####...  50%    50    10M  25.0    +4");
  EXPECT_EQ(picture_of(state, size).lines[3].style, Style::alarm);
  EXPECT_EQ(visible(state)[0]->new_fails, 0U);
  take_reading(state, reading(5, {row(101, "web", 50), row(102, "db", 90)}));   // started anew: its failcnt is 0 again
  EXPECT_EQ(visible(state)[1]->new_fails, 0U);
  (void)hit(kDown);
  EXPECT_EQ(picture_of(state, size).lines[2].style, Style::strong) << "90% are held";
}

TEST_F(Top, SortsByTheNextColumn) {
  (void)type("s");
  EXPECT_THAT(ids(), ElementsAre(101, 102, 103));
  (void)type("s");
  EXPECT_THAT(ids(), ElementsAre(102, 103, 101)) << "db, mail, web";
  (void)type("s");
  EXPECT_THAT(line(0), HasSubstr("by NPROC"));
  EXPECT_THAT(ids(), ElementsAre(102, 101, 103));
  (void)type("ssss");
  EXPECT_EQ(state.sort, TopColumn::nearest);
}

TEST_F(Top, SortsTheOtherWayRoundAndBackAgain) {
  (void)type("r");
  EXPECT_THAT(ids(), ElementsAre(103, 101, 102));
  EXPECT_EQ(line(0), "ubctl top  10:00:00  3 running  by NEAREST BARRIER, reversed");
  (void)type("r");
  EXPECT_THAT(ids(), ElementsAre(102, 101, 103));
  (void)type("rs");
  EXPECT_FALSE(state.reversed) << "another column begins with its greatest";
}

TEST_F(Top, TheFilterLooksAtIdNameAndResource) {
  (void)type("/ai");
  EXPECT_THAT(ids(), ElementsAre(103));
  EXPECT_EQ(last_line(), "/ai");
  EXPECT_EQ(picture_of(state, size).cursor, 3U);
  EXPECT_EQ(state.selected, 103U);
  (void)hit(kEnter);
  EXPECT_EQ(line(0), "ubctl top  10:00:00  3 running  by NEAREST BARRIER  only \"ai\": 1");
  EXPECT_EQ(hit(kEscape).kind, TopWish::Kind::none) << "out of the filter, not of the program";
  EXPECT_THAT(ids(), ElementsAre(102, 101, 103));
  (void)type("/102");
  EXPECT_THAT(ids(), ElementsAre(102));
  (void)hit(kBackspace);
  EXPECT_THAT(ids(), ElementsAre(102, 101, 103));
  (void)hit(kEscape);
  (void)type("/numproc");
  EXPECT_THAT(ids(), ElementsAre(102, 101, 103));
  (void)type("x");
  EXPECT_THAT(ids(), IsEmpty());
  EXPECT_EQ(line(2), "none passes the filter: Esc shows all");
}

TEST_F(Top, TheSelectionStaysWithItsContainerAndFallsToTheNextWhenThatIsGone) {
  (void)hit(kDown);
  EXPECT_EQ(state.selected, 101U);
  take_reading(state, reading(1, {row(101, "web", 100), row(102, "db", 99), row(103, "mail", 10)}));
  EXPECT_EQ(state.selected, 101U);
  EXPECT_EQ(state.place, 0U);
  take_reading(state, reading(2, {row(102, "db", 99), row(103, "mail", 10)}));
  EXPECT_EQ(state.selected, 102U);
  take_reading(state, reading(3, {}));
  EXPECT_EQ(state.selected, 0U);
  EXPECT_THAT(line(2), HasSubstr("no container runs"));
  EXPECT_EQ(hit(kEnter).kind, TopWish::Kind::none);
}

TEST_F(Top, MovesToBothEndsAndNotBeyond) {
  for (int i = 0; i < 5; ++i) (void)hit(kDown);
  EXPECT_EQ(state.selected, 103U);
  (void)hit({Key::Kind::page_up});
  EXPECT_EQ(state.selected, 102U);
  (void)hit({Key::Kind::up});
  EXPECT_EQ(state.selected, 102U);
  (void)hit({Key::Kind::end});
  EXPECT_EQ(state.selected, 103U);
}

TEST_F(Top, EnterLooksIntoAContainerAndSaysWhoWasRefusedLast) {
  TopRow refused = row(102, "db", 99);
  refused.counters.of(UBC_NUMPROC).failcnt = 4;
  EXPECT_EQ(hit(kEnter).kind, TopWish::Kind::read);
  TopReading second = reading(1, {refused});
  container::Refusal last;
  last.time = std::chrono::system_clock::now();
  last.id = 102;
  last.resource = UBC_NUMPROC;
  last.amount = 1, last.held = 100, last.barrier = 100, last.limit = 120, last.pid = 4711;
  last.program = "bash";
  last.call = "clone";
  second.refusals = {last};
  take_reading(state, second);
  EXPECT_EQ(line(0), "ubctl top  10:00:00  container 102 (db)");
  EXPECT_EQ(line(1), "resource           held  change   maxheld   barrier     limit   failcnt");
  EXPECT_EQ(line(6), "numproc              99                99       100       120         4 ###### !") << "the nearest is selected";
  EXPECT_EQ(picture_of(state, size).lines[6].style, Style::selected);
  const std::string below = line(20) + " " + line(21) + " " + line(22);
  EXPECT_THAT(below, HasSubstr("numproc: refused 4 times, last "));
  EXPECT_THAT(below, HasSubstr("to bash (pid 4711, uid 0 inside) by clone: 1 more at 100 held, barrier 100, limit 120."));
  EXPECT_THAT(below, HasSubstr("To let it pass: ubctl set 102 --numproc 127:147 --save"));
  (void)hit(kDown);
  EXPECT_EQ(line(20), "physpages: nothing was refused");
  EXPECT_EQ(type("q").kind, TopWish::Kind::none);
  EXPECT_EQ(state.view, TopView::list);
  EXPECT_EQ(type("q").kind, TopWish::Kind::quit);
}

/// 1,000 written, 5 CPU seconds of at most 2 a second, `inodes` of 100.
std::vector<accounting::UsageRow> usage(double cpu, double written, double inodes) {
  using accounting::UsageRow, accounting::UsageUnit, accounting::AtLimit;
  return {
      {.name = "diskinodes", .unit = UsageUnit::items, .option = "diskinodes", .held = inodes, .limit = 100, .at_limit = AtLimit::refused},
      {.name = "cputime",
       .unit = UsageUnit::seconds,
       .option = "cpulimit",
       .held = cpu,
       .limit = 2,
       .per_second = true,
       .failcnt = 3,
       .at_limit = AtLimit::throttled},
      {.name = "iowritten", .unit = UsageUnit::bytes, .option = "iolimit", .held = written, .per_second = true}};
}

constexpr std::size_t kUsage = 2 + accounting::kResources.size();   // where the heading of usage is

TEST_F(Top, BelowItsResourcesIsWhatAContainerUsesBesidesWithRatesSinceTheLastLook) {
  size = {50, 80};
  (void)hit(kEnter);
  TopReading first = reading(1, {row(102, "db", 99)}), second = reading(5, {row(102, "db", 99)});
  first.usage = usage(5, 1000, 80);
  second.usage = usage(12, 1000 + 4096, 95);
  take_reading(state, first);
  EXPECT_EQ(line(kUsage), "usage            in all     now             barrier     limit   failcnt");
  EXPECT_EQ(line(kUsage + 2), "cputime           5.00s                 -         -      200%         3") << "nothing to compare with";
  take_reading(state, second);
  EXPECT_EQ(line(kUsage + 1), "diskinodes           95     +15         -         -       100         - ######");
  EXPECT_EQ(line(kUsage + 2), "cputime          12.00s    175%         -         -      200%         3 ######");
  EXPECT_EQ(line(kUsage + 3), "iowritten         4.98K    1K/s         -         -         -         - counted");
  const auto colours = [&](std::size_t number) { return picture_of(state, size).lines[number].spans.at(0).style; };
  EXPECT_EQ(colours(kUsage + 1), Style::hot);
  EXPECT_EQ(colours(kUsage + 2), Style::warm);
  (void)hit({Key::Kind::end});
  EXPECT_EQ(picture_of(state, size).lines[kUsage + 3].style, Style::selected);
  EXPECT_EQ(line(kUsage + 4), "iowritten: counted, without a limit; ubctl set 102 --iolimit sets it");
  (void)hit({Key::Kind::up});
  EXPECT_EQ(line(kUsage + 4), "cputime: what goes over its limit waits; ubctl set 102 --cpulimit sets it");
  (void)type("e");
  EXPECT_EQ(last_line(), "cputime is limited by ubctl set 102 --cpulimit");
  EXPECT_EQ(state.prompt, TopPrompt::none);
  TopReading third = reading(6, {row(102, "db", 99)});   // no usage is known: the selection is not beyond the end
  take_reading(state, third);
  EXPECT_EQ(picture_of(state, size).lines[kUsage - 1].style, Style::selected);
  EXPECT_EQ(selected_usage(state), nullptr);
}

TEST_F(Top, OnALowScreenTheSelectedLineOfUsageIsShown) {
  (void)hit(kEnter);
  TopReading second = reading(1, {row(102, "db", 99)});
  second.usage = usage(1, 2, 3);
  take_reading(state, second);
  (void)hit({Key::Kind::end});
  const Picture picture = picture_of(state, size);
  ASSERT_EQ(picture.lines.size(), 24U);
  EXPECT_EQ(picture.lines[19].style, Style::selected);
  EXPECT_THAT(picture.lines[19].text, HasSubstr("iowritten"));
  EXPECT_THAT(picture.lines[16].text, HasSubstr("usage"));
}

/// Like a hand: where `text` stands in the picture's line.
Key at(const Picture& picture, std::size_t row, const std::string& text, Key::Kind kind) {
  return {kind, 0, row, picture.lines.at(row).text.find(text)};
}

TEST_F(Top, AHeadingThatIsClickedSortsAndTheOtherWayRoundTheSecondTime) {
  const auto click = [&](const std::string& heading) {
    const Picture picture = picture_of(state, size);
    return press(state, at(picture, 1, heading, Key::Kind::click), size, picture.spots);
  };
  (void)click("CTID");
  EXPECT_THAT(ids(), ElementsAre(101, 102, 103));
  (void)click("CTID");
  EXPECT_THAT(ids(), ElementsAre(103, 102, 101));
  (void)click("PHYSP");
  EXPECT_EQ(state.sort, TopColumn::physpages);
  EXPECT_FALSE(state.reversed);
  (void)click("NEAREST");
  EXPECT_THAT(ids(), ElementsAre(102, 101, 103));
  EXPECT_THAT(picture_of(state, size).lines[1].spans, ElementsAre(Span{28, 15, Style::strong}));
}

TEST_F(Top, ALineIsSelectedByAClickAndOpenedByTwo) {
  const auto mouse = [&](std::size_t row, Key::Kind kind) { return press(state, {kind, 0, row, 40}, size, picture_of(state, size).spots); };
  EXPECT_EQ(mouse(4, Key::Kind::click).kind, TopWish::Kind::none);
  EXPECT_EQ(state.selected, 103U);
  EXPECT_EQ(mouse(10, Key::Kind::click).kind, TopWish::Kind::none);
  EXPECT_EQ(state.selected, 103U) << "nothing is there";
  EXPECT_EQ(mouse(3, Key::Kind::double_click).kind, TopWish::Kind::read);
  EXPECT_EQ(state.view, TopView::container);
  EXPECT_EQ(state.selected, 101U);
  EXPECT_EQ(mouse(3, Key::Kind::click).kind, TopWish::Kind::none);
  EXPECT_EQ(state.line, 1U);
  (void)mouse(3, Key::Kind::double_click);
  EXPECT_EQ(last_line(), "> lockedpages unlimited");
  (void)mouse(4, Key::Kind::click);
  EXPECT_EQ(last_line(), "> lockedpages unlimited") << "a click answers no question";
}

TEST_F(Top, TheWheelMovesAndAWordOfTheLastLineIsItsKey) {
  std::vector<TopRow> rows;
  for (std::uint32_t id = 1; id <= 100; ++id) rows.push_back(row(id, "", 100 - id));
  take_reading(state, reading(1, rows));
  state.selected = 1, state.place = 0;
  (void)hit({Key::Kind::wheel_down});
  EXPECT_EQ(state.selected, 4U);
  (void)hit({Key::Kind::wheel_up});
  (void)hit({Key::Kind::wheel_up});
  EXPECT_EQ(state.selected, 1U);
  const Picture picture = picture_of(state, size);
  EXPECT_EQ(picture.lines[23].text, "arrows move  Enter open  s sort  r reverse  / filter  e limits  ? help  q quit");
  EXPECT_EQ(press(state, at(picture, 23, "open", Key::Kind::click), size, picture.spots).kind, TopWish::Kind::read);
  EXPECT_EQ(state.view, TopView::container);
  const Picture inside = picture_of(state, size);
  (void)press(state, at(inside, 23, "back", Key::Kind::click), size, inside.spots);
  EXPECT_EQ(state.view, TopView::list);
  EXPECT_EQ(press(state, at(picture, 23, "quit", Key::Kind::click), size, picture.spots).kind, TopWish::Kind::quit);
}

TEST_F(Top, AContainerThatEndsWhileItIsLookedIntoLeadsBackToTheList) {
  (void)hit(kEnter);
  take_reading(state, reading(1, {row(101, "web", 50)}));
  EXPECT_EQ(state.view, TopView::list);
  EXPECT_EQ(last_line(), "container 102 does not run any more");
  EXPECT_EQ(state.selected, 101U);
}

TEST_F(Top, ALimitIsChangedAfterItsPreviewWasConfirmed) {
  (void)type("e");
  EXPECT_EQ(last_line(), "> numproc 100:120") << "what is nearest, with its numbers of now";
  for (int i = 0; i < 7; ++i) (void)hit(kBackspace);
  (void)type("200:220");
  const TopWish asked = hit(kEnter);
  ASSERT_EQ(asked.kind, TopWish::Kind::preview);
  EXPECT_EQ(asked.id, 102U);
  EXPECT_EQ(asked.limits[UBC_NUMPROC], (Limits{Limit::at(200), Limit::at(220)}));
  take_preview(state, std::vector<container::LimitChange>{{UBC_NUMPROC, {Limit::at(100), Limit::at(120)}, *asked.limits[UBC_NUMPROC], 99}});
  EXPECT_EQ(line(22), "numproc: 100:120 -> 200:220: room for 101 more");
  EXPECT_EQ(last_line(), "set it in container 102, live? y: yes, any other key: no");
  const TopWish confirmed = type("y");
  ASSERT_EQ(confirmed.kind, TopWish::Kind::apply);
  EXPECT_EQ(confirmed.limits, asked.limits);
  take_applied(state, {}, {});
  EXPECT_EQ(last_line(), "set until its next start; for good: ubctl set 102 --numproc 200:220 --save");
}

TEST_F(Top, NothingIsSetWithoutAYes) {
  for (const Key& no : {Key{Key::Kind::character, 'n'}, Key{Key::Kind::character, 'Y'}, kEnter, kEscape}) {
    (void)type("e");
    (void)hit(kEnter);
    take_preview(state, std::vector<container::LimitChange>{});
    EXPECT_EQ(hit(no).kind, TopWish::Kind::none);
    EXPECT_EQ(last_line(), "nothing was changed");
  }
}

TEST_F(Top, WrongNumbersAreSaidAndCanBeMended) {
  (void)type("e:7");
  EXPECT_EQ(hit(kEnter).kind, TopWish::Kind::none);
  EXPECT_TRUE(state.alarming);
  EXPECT_THAT(state.message, HasSubstr("120:7: each of barrier and limit is a whole number"));
  EXPECT_EQ(last_line(), "> numproc 100:120:7") << "still there to be mended";
  for (int i = 0; i < 2; ++i) (void)hit(kBackspace);
  EXPECT_EQ(hit(kEnter).kind, TopWish::Kind::preview);
  take_preview(state, os::error(Code::bad_value, "no swap"));
  EXPECT_EQ(state.message, "no swap");
  EXPECT_EQ(state.prompt, TopPrompt::numbers);
}

TEST_F(Top, EveryPictureFitsItsScreenAndIsPrintable) {
  TopRow evil = row(101, "a\033[2J\nb\xc3\xa4" + std::string(200, 'x'), 100);
  evil.adopted = true;
  take_reading(state, reading(1, {evil, row(2000000001, "b", 1)}));
  for (const std::string& typed : {std::string{}, std::string{"/a"}, std::string{"e"}, std::string{"?"}})
    for (const bool inside : {false, true})
      for (const std::size_t rows : {1U, 2U, 5U, 24U, 50U})
        for (const std::size_t columns : {1U, 20U, 79U, 80U, 200U}) {
          TopState now = state;
          if (inside) (void)press(now, kEnter, {rows, columns});
          for (const char c : typed) (void)press(now, {Key::Kind::character, c}, {rows, columns});
          const Picture picture = picture_of(now, {rows, columns});
          EXPECT_LE(picture.lines.size(), rows);
          for (const Spot& spot : picture.spots) EXPECT_LT(spot.row, picture.lines.size());
          for (const ScreenLine& shown : picture.lines) {
            EXPECT_LE(shown.text.size(), columns);
            for (const char c : shown.text) EXPECT_TRUE(c >= ' ' && c < 0x7f) << shown.text;
          }
        }
  EXPECT_THAT(line(2), HasSubstr("101*a\\x1b[2J\\x0ab\\x~ ")) << "cut, and said so";
}

TEST_F(Top, AListLongerThanTheScreenShowsTheSelectedOne) {
  std::vector<TopRow> rows;
  for (std::uint32_t id = 1; id <= 100; ++id) rows.push_back(row(id, "", 100 - id));
  take_reading(state, reading(1, rows));
  state.selected = 1, state.place = 0;
  for (int i = 0; i < 50; ++i) (void)hit(kDown);
  EXPECT_EQ(state.selected, 51U);
  const Picture picture = picture_of(state, size);
  EXPECT_EQ(picture.lines.size(), 24U);
  EXPECT_EQ(std::ranges::count(picture.lines, Style::selected, &ScreenLine::style), 1);
}

}  // namespace
}  // namespace ubc::cli
