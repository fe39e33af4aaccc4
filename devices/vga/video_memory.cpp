// Watching video memory through the page flags of the physical map.
#include "devices/vga/video_memory.h"

#include <algorithm>
#include <cassert>

namespace gnomon {

VideoMemory::VideoMemory(PhysicalMap& map, u64 size)
    : map_(map), size_(size), bytes_(map.device_memory().data()), first_page_(map.first_device_page()) {
    assert(map.device_memory().size() == size + kWindowSize);
    const size_t pages = (size + kWindowSize) >> 12;
    listed_.resize(pages);
    stamps_.resize(pages);
    written_.reserve(pages);
    map_.observe_writes(PageFlag::Clean, *this);
    for (u32 page = 0; page < pages; page++) map_.set_flag(first_page_ + page, PageFlag::Clean);
}

VideoMemory::~VideoMemory() { map_.stop_observing(PageFlag::Clean, *this); }

void VideoMemory::page_written(u32 page, u32, u32, const u8*) {
    if (page >= first_page_) note(page - first_page_);
}

void VideoMemory::watch_again(u32 page, u64 stamp) {
    listed_[page] = 0;
    stamps_[page] = stamp;
    map_.set_flag(first_page_ + page, PageFlag::Clean);
}

u64 VideoMemory::stamp(u64 offset, u64 count) const {
    if (count == 0 || offset >= size_) return 0;
    const auto first = stamps_.begin() + static_cast<std::ptrdiff_t>(offset >> 12);
    const auto last =
        stamps_.begin() + static_cast<std::ptrdiff_t>(std::min(offset + count - 1, size_ - 1) >> 12);
    return *std::max_element(first, last + 1);
}

}  // namespace gnomon
