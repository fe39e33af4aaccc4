// The event queue. A machine has some thirty kinds of events, so a scan for the earliest beats a heap.
#include "support/scheduler.h"

#include <cassert>

namespace gnomon {
namespace {

struct SavedEvent {
    std::string name;
    u64 at_ns = 0;
    u64 sequence = 0;
    u64 argument = 0;
    template <class V>
    void fields(V& v) {
        v("name", name);
        v("at_ns", at_ns);
        v("sequence", sequence);
        v("argument", argument);
    }
};

struct SavedQueue {
    VirtualClock::State clock;
    u64 next_sequence = 0;
    std::vector<SavedEvent> events;
    template <class V>
    void fields(V& v) {
        v("clock", clock);
        v("next_sequence", next_sequence);
        v("events", events);
    }
};

}  // namespace

Scheduler::EventId Scheduler::add_event(std::string name, Handler handler) {
    for ([[maybe_unused]] const Event& event : events_) assert(event.name != name);
    events_.push_back({std::move(name), std::move(handler)});
    return {static_cast<u32>(events_.size() - 1)};
}

void Scheduler::schedule(EventId id, u64 at_ns, u64 argument) {
    Event& event = events_.at(id.index);
    const u64 before = event.at_ns;
    event.at_ns = at_ns;
    event.sequence = next_sequence_++;
    event.argument = argument;
    if (at_ns < deadline_) {
        deadline_ = at_ns;
        if (notify_) notify_();
    } else if (before == deadline_) {
        refresh_deadline();
    }
}

void Scheduler::cancel(EventId id) {
    Event& event = events_.at(id.index);
    const u64 before = event.at_ns;
    event.at_ns = kNever;
    if (before == deadline_) refresh_deadline();
}

bool Scheduler::pending(EventId id) const { return due_at(id) != kNever; }

u64 Scheduler::due_at(EventId id) const { return events_.at(id.index).at_ns; }

void Scheduler::refresh_deadline() {
    deadline_ = kNever;
    for (const Event& event : events_) deadline_ = std::min(deadline_, event.at_ns);
}

void Scheduler::run_due() {
    while (deadline_ <= now() && deadline_ != kNever) {
        Event* first = nullptr;
        for (Event& event : events_)
            if (event.at_ns == deadline_ && (!first || event.sequence < first->sequence)) first = &event;
        const Due due{first->at_ns, now() - first->at_ns, first->argument};
        first->at_ns = kNever;
        refresh_deadline();
        first->handler(due);
    }
}

StateNode Scheduler::save_state() const {
    SavedQueue queue{clock_.state(), next_sequence_, {}};
    for (const Event& event : events_)
        if (event.at_ns != kNever) queue.events.push_back({event.name, event.at_ns, event.sequence, event.argument});
    return save_value(queue);
}

Result<StatePart::Install> Scheduler::load_state(const StateNode& node) {
    SavedQueue queue;
    if (Result<void> loaded = load_value(node, queue); !loaded) return loaded.error();
    for (const SavedEvent& saved : queue.events) {
        const bool known = std::any_of(events_.begin(), events_.end(), [&](const Event& e) { return e.name == saved.name; });
        if (!known) return fail("event '{}' does not exist in this machine", saved.name);
    }
    return Install([this, queue = std::move(queue)] {
        clock_.set_state(queue.clock);
        next_sequence_ = queue.next_sequence;
        for (Event& event : events_) {
            event.at_ns = kNever;
            for (const SavedEvent& saved : queue.events)
                if (saved.name == event.name) {
                    event.at_ns = saved.at_ns;
                    event.sequence = saved.sequence;
                    event.argument = saved.argument;
                }
        }
        refresh_deadline();
        if (notify_) notify_();
    });
}

}  // namespace gnomon
