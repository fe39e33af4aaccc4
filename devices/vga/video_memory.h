// The memory of the display adapter: where its bytes are, and which parts of it changed since somebody
// looked.
#pragma once

#include <vector>

#include "memory/physical_map.h"

namespace gnomon {

/// Device memory of the physical map: the pictures' bytes, then one 64 KiB window that the adapter may use as
/// it likes. The VGA's four planes are the bytes of a 32-bit cell: byte `plane` of cell `address` is at
/// address * 4 + plane.
///
/// Changes are noticed a page at a time. The first change puts the page on a list, be it a store by the guest
/// where the page is mapped or wrote() by the adapter; collect() empties the list and gives those pages a
/// stamp.
class VideoMemory final : private PageWriteObserver {
  public:
    static constexpr u64 kWindowSize = 0x10000;

    /// `size`: a power of two from 256 KiB up; the map has that and kWindowSize of device memory. Its pages
    /// must not carry PageFlag::Clean for anybody else.
    VideoMemory(PhysicalMap& map, u64 size);
    ~VideoMemory();
    VideoMemory(const VideoMemory&) = delete;
    VideoMemory& operator=(const VideoMemory&) = delete;

    [[nodiscard]] u64 size() const { return size_; }
    [[nodiscard]] u8* bytes() { return bytes_; }
    [[nodiscard]] const u8* bytes() const { return bytes_; }
    [[nodiscard]] u8* window() { return bytes_ + size_; }
    /// Page numbers in the physical map.
    [[nodiscard]] u32 first_page() const { return first_page_; }
    [[nodiscard]] u32 window_page() const { return first_page_ + static_cast<u32>(size_ >> 12); }
    [[nodiscard]] PhysicalMap& map() { return map_; }

    [[nodiscard]] u8 plane_byte(u32 address, unsigned plane) const {
        return bytes_[u64{address} * 4 + plane];
    }
    /// Plane 0 in bits 0-7 ... plane 3 in bits 24-31.
    [[nodiscard]] u32 cell(u32 address) const {
        const u8* at = bytes_ + u64{address} * 4;
        return at[0] | u32{at[1]} << 8 | u32{at[2]} << 16 | u32{at[3]} << 24;
    }

    /// The adapter itself changed the page at this offset.
    void wrote(u64 offset) { note(static_cast<u32>(offset >> 12)); }
    void wrote(u64 offset, u64 count) {
        for (u64 page = offset >> 12; page <= (offset + count - 1) >> 12; page++)
            note(static_cast<u32>(page));
    }
    [[nodiscard]] bool anything_written() const { return !written_.empty(); }
    /// Stamps what was written since the last call and watches it again. Calls window_changed(offset) for
    /// pages of the window, which may call wrote().
    template<class F>
    void collect(u64 stamp, F window_changed) {
        for (size_t i = 0; i < written_.size(); i++) {
            const u32 page = written_[i];
            if (page >= size_ >> 12) window_changed((u64{page} << 12) - size_);
        }
        for (const u32 page : written_) watch_again(page, stamp);
        written_.clear();
    }
    /// The newest stamp of the pages that hold [offset, offset + count); what is beyond the end does not
    /// count.
    [[nodiscard]] u64 stamp(u64 offset, u64 count) const;

  private:
    void page_written(u32 page, u32 offset, u32 size, const u8* data) override;
    void note(u32 page) {
        if (listed_[page]) return;
        listed_[page] = 1;
        written_.push_back(page);
    }
    void watch_again(u32 page, u64 stamp);

    PhysicalMap& map_;
    u64 size_;
    u8* bytes_;
    u32 first_page_;
    std::vector<u32> written_;  ///< page numbers from the start of the memory
    std::vector<u8> listed_;    ///< 1: is on the list
    std::vector<u64> stamps_;
};

}  // namespace gnomon
