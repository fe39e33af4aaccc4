// The generic snapshot test that every device passes. For tests only; include from GoogleTest programs.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <span>

#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

namespace detail {

inline std::vector<StateNode> save_parts(std::span<StatePart* const> parts) {
    std::vector<StateNode> nodes;
    for (const StatePart* part : parts) nodes.push_back(part->save_state());
    return nodes;
}

inline void load_parts(std::span<StatePart* const> parts, std::span<const StateNode> nodes) {
    std::vector<StatePart::Install> installs;
    for (size_t i = 0; i < parts.size(); i++) {
        Result<StatePart::Install> install = parts[i]->load_state(nodes[i]);
        ASSERT_TRUE(install.ok()) << parts[i]->state_name() << ": " << install.error().message;
        installs.push_back(std::move(*install));
    }
    for (StatePart::Install& install : installs) install();
}

inline void expect_equal_states(std::span<StatePart* const> parts, std::span<const StateNode> a,
                                std::span<const StateNode> b, std::string_view what) {
    for (size_t i = 0; i < parts.size(); i++)
        EXPECT_EQ(diff_state(a[i], b[i], parts[i]->state_name()), "") << what;
}

}  // namespace detail

/// Saves the parts in the state they are in, lets them run on, loads, lets them run on again: both runs must
/// end alike. Also: the binary form is lossless, and a snapshot that lacks a field is refused and changes
/// nothing. `parts` are what `run_on` touches besides the scheduler, whose events and clock are saved with
/// them.
inline void expect_snapshot_round_trip(Scheduler& scheduler, std::span<StatePart* const> parts,
                                       const std::function<void()>& run_on) {
    std::vector<StatePart*> all{&scheduler};
    all.insert(all.end(), parts.begin(), parts.end());

    const std::vector<StateNode> start = detail::save_parts(all);
    for (size_t i = 0; i < all.size(); i++) {
        Result<StateNode> decoded = decode_state(encode_state(start[i]));
        ASSERT_TRUE(decoded.ok()) << decoded.error().message;
        EXPECT_TRUE(*decoded == start[i]) << all[i]->state_name() << " changes in its binary form";
    }
    run_on();
    const std::vector<StateNode> first_end = detail::save_parts(all);

    for (size_t i = 1; i < all.size(); i++) {
        if (start[i].map.empty()) continue;
        StateNode damaged = start[i];
        damaged.map.pop_back();
        EXPECT_FALSE(all[i]->load_state(damaged).ok())
            << all[i]->state_name() << " accepts a snapshot without a field";
    }
    detail::expect_equal_states(all, first_end, detail::save_parts(all), "after a refused snapshot");

    ASSERT_NO_FATAL_FAILURE(detail::load_parts(all, start));
    detail::expect_equal_states(all, start, detail::save_parts(all), "after loading");
    run_on();
    detail::expect_equal_states(all, first_end, detail::save_parts(all),
                                "after running on from the snapshot");
}

inline void expect_snapshot_round_trip(Scheduler& scheduler, StatePart& part,
                                       const std::function<void()>& run_on) {
    StatePart* const parts[] = {&part};
    expect_snapshot_round_trip(scheduler, parts, run_on);
}

}  // namespace gnomon
