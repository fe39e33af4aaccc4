// Snapshots with wrong numbers in them: a device refuses them or works on with what it was given, but never
// crashes. For tests only.
#pragma once

#include <functional>
#include <random>

#include "support/state.h"

namespace gnomon {

/// Changes one value somewhere in the tree: a number, a byte, the length of a run of bytes.
inline void damage_state(StateNode& node, std::mt19937_64& random) {
    switch (node.kind) {
        case StateNode::Kind::Integer:
            node.integer = random() % 2 ? node.integer ^ u64 { 1 } << random() % 32 : random() % 0x300;
            break;
        case StateNode::Kind::Bytes:
            if (!node.bytes.empty() && random() % 2)
                node.bytes[random() % node.bytes.size()] = static_cast<u8>(random());
            else
                node.bytes.resize(random() % 5000);
            break;
        case StateNode::Kind::List:
            if (!node.list.empty()) damage_state(node.list[random() % node.list.size()], random);
            break;
        case StateNode::Kind::Map:
            if (!node.map.empty()) damage_state(node.map[random() % node.map.size()].second, random);
            break;
    }
}

/// Loads `rounds` damaged copies of the part's state; after each that is accepted calls `run_on`, then the
/// good state is loaded again. Returns how many were accepted.
inline unsigned load_damaged_states(StatePart& part, unsigned rounds,
                                    const std::function<void(u64 seed)>& run_on) {
    std::mt19937_64 random(17);
    const StateNode good = part.save_state();
    unsigned accepted = 0;
    for (unsigned round = 0; round < rounds; round++) {
        StateNode damaged = good;
        for (u64 i = 0; i <= random() % 3; i++) damage_state(damaged, random);
        Result<StatePart::Install> install = part.load_state(damaged);
        if (!install) continue;
        accepted++;
        (*install)();
        run_on(round);
        Result<StatePart::Install> again = part.load_state(good);
        if (again) (*again)();
    }
    return accepted;
}

}  // namespace gnomon
