// The container: "GNOMON" and a version, sizes, a zlib stream (RFC 1950), a CRC-32 over all that is before
// it. Inside the stream: fingerprint and part states as one encoded StateNode, then the RAM pages that are
// not zero.
#include "machine/snapshot.h"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "machine/firmware_images.h"

namespace gnomon {
namespace {

constexpr std::array<u8, 8> kMagic{'G', 'N', 'O', 'M', 'O', 'N', 'S', 1};
constexpr u32 kVersion = 1;
constexpr size_t kHeaderBytes = 8 + 4 + 8;  // magic, version, size of the content
constexpr size_t kChecksumBytes = 4;
constexpr size_t kPageRecord = 4 + kPageSize;

template<class T>
void append(std::vector<u8>& out, T value) {
    for (size_t i = 0; i < sizeof value; i++) out.push_back(static_cast<u8>(value >> 8 * i));
}

template<class T>
T extract(std::span<const u8> bytes, size_t at) {
    T value = 0;
    for (size_t i = 0; i < sizeof value; i++)
        value = static_cast<T>(value | static_cast<T>(bytes[at + i]) << 8 * i);
    return value;
}

u32 checksum(std::span<const u8> bytes) { return static_cast<u32>(crc32_z(0, bytes.data(), bytes.size())); }

bool is_zero(const u8* page) { return page[0] == 0 && std::memcmp(page, page + 1, kPageSize - 1) == 0; }

/// Compresses piece by piece, so that the RAM need not be copied first.
class Compressor {
  public:
    explicit Compressor(std::vector<u8>& out) : out_(out) { deflateInit(&stream_, 1); }
    ~Compressor() { deflateEnd(&stream_); }
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;

    void add(std::span<const u8> bytes, bool last = false) {
        total_ += bytes.size();
        stream_.next_in = const_cast<u8*>(bytes.data());
        stream_.avail_in = static_cast<uInt>(bytes.size());
        int status = Z_OK;
        do {
            std::array<u8, 65536> chunk;
            stream_.next_out = chunk.data();
            stream_.avail_out = chunk.size();
            status = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
            out_.insert(out_.end(), chunk.begin(), chunk.end() - stream_.avail_out);
        } while (stream_.avail_out == 0 || (last && status != Z_STREAM_END));
    }
    [[nodiscard]] u64 total() const { return total_; }

  private:
    std::vector<u8>& out_;
    z_stream stream_{};
    u64 total_ = 0;
};

Result<std::vector<u8>> decompress(std::span<const u8> packed, u64 size) {
    std::vector<u8> out;
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) return fail("zlib cannot start");
    stream.next_in = const_cast<u8*>(packed.data());
    int status = Z_OK;
    size_t left = packed.size();
    // Grows with what really comes out: a forged size cannot make us allocate more than the stream holds.
    while (status == Z_OK) {
        if (stream.avail_in == 0) {
            stream.avail_in = static_cast<uInt>(std::min<size_t>(left, 1u << 30));
            left -= stream.avail_in;
        }
        const size_t at = out.size();
        out.resize(at + (1u << 20));
        stream.next_out = out.data() + at;
        stream.avail_out = 1u << 20;
        status = inflate(&stream, Z_NO_FLUSH);
        out.resize(out.size() - stream.avail_out);
        if (out.size() > size) break;
        if (status == Z_BUF_ERROR && left != 0) status = Z_OK;
    }
    const bool whole = status == Z_STREAM_END && left + stream.avail_in == 0;
    inflateEnd(&stream);
    if (!whole || out.size() != size) return fail("the compressed content is damaged");
    return out;
}

StateNode text_node(const std::string& text) { return save_value(text); }

Result<void> compare_fingerprints(Machine& machine, const StateNode& saved) {
    std::string theirs;
    if (Result<void> loaded = load_value(saved, theirs); !loaded) return loaded.error().in("fingerprint");
    const std::string ours = machine.fingerprint();
    if (ours == theirs) return {};
    std::string_view a = ours;
    std::string_view b = theirs;
    const auto next_line = [](std::string_view& text) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return line;
    };
    while (!a.empty() || !b.empty()) {
        const std::string_view mine = next_line(a);
        const std::string_view other = next_line(b);
        if (mine != other) return fail("it belongs to another machine: '{}' there, '{}' here", other, mine);
    }
    return fail("it belongs to another machine");
}

struct Prepared {
    std::vector<StatePart::Install> installs;
    std::span<const u8> pages;  ///< page records
};

Result<Prepared> prepare(Machine& machine, std::span<const u8> content) {
    if (content.size() < 8) return fail("it ends too early");
    const u64 state_bytes = extract<u64>(content, 0);
    if (state_bytes > content.size() - 8) return fail("it ends too early");
    Result<StateNode> root = decode_state(content.subspan(8, state_bytes));
    if (!root) return root.error();
    const StateNode* fingerprint = root->find("fingerprint");
    const StateNode* parts = root->find("parts");
    if (!fingerprint || !parts || parts->kind != StateNode::Kind::Map) return fail("parts are missing");
    if (Result<void> same = compare_fingerprints(machine, *fingerprint); !same) return same.error();

    Prepared prepared;
    if (parts->map.size() != machine.parts().size()) return fail("it has other parts than this machine");
    for (StatePart* part : machine.parts()) {
        const StateNode* node = parts->find(part->state_name());
        if (!node) return fail("the part '{}' is missing", part->state_name());
        Result<StatePart::Install> install = part->load_state(*node);
        if (!install) return install.error().in(part->state_name());
        prepared.installs.push_back(std::move(*install));
    }
    prepared.pages = content.subspan(8 + state_bytes);
    if (prepared.pages.size() % kPageRecord != 0) return fail("the RAM ends within a page");
    u64 next = 0;
    for (size_t at = 0; at < prepared.pages.size(); at += kPageRecord) {
        const u32 page = extract<u32>(prepared.pages, at);
        if (page < next || page >= machine.memory().ram_pages())
            return fail("RAM page {} is not possible", page);
        next = u64{page} + 1;
    }
    return prepared;
}

void install_ram(PhysicalMap& memory, std::span<const u8> pages) {
    size_t at = 0;
    for (u32 page = 0; page < memory.ram_pages(); page++) {
        u8* place = memory.ram() + u64{page} * kPageSize;
        if (at < pages.size() && extract<u32>(pages, at) == page) {
            std::memcpy(place, pages.data() + at + 4, kPageSize);
            at += kPageRecord;
        } else if (!is_zero(place)) {
            std::memset(place, 0, kPageSize);
        }
    }
    memory.ram_replaced();
}

}  // namespace

std::vector<u8> save_machine(Machine& machine) {
    StateNode root;
    root.map.emplace_back("fingerprint", text_node(machine.fingerprint()));
    StateNode parts;
    for (const StatePart* part : machine.parts())
        parts.map.emplace_back(std::string(part->state_name()), part->save_state());
    root.map.emplace_back("parts", std::move(parts));
    const std::vector<u8> state = encode_state(root);

    std::vector<u8> packed;
    Compressor compressor(packed);
    std::vector<u8> length;
    append(length, static_cast<u64>(state.size()));
    compressor.add(length);
    compressor.add(state);
    const PhysicalMap& memory = machine.memory();
    for (u32 page = 0; page < memory.ram_pages(); page++) {
        const u8* bytes = memory.ram() + u64{page} * kPageSize;
        if (is_zero(bytes)) continue;
        std::vector<u8> number;
        append(number, page);
        compressor.add(number);
        compressor.add({bytes, kPageSize});
    }
    compressor.add({}, true);

    std::vector<u8> out(kMagic.begin(), kMagic.end());
    append(out, kVersion);
    append(out, compressor.total());
    out.insert(out.end(), packed.begin(), packed.end());
    append(out, checksum(out));
    return out;
}

Result<void> load_machine(Machine& machine, std::span<const u8> snapshot) {
    if (snapshot.size() < kHeaderBytes + kChecksumBytes ||
        !std::equal(kMagic.begin(), kMagic.end(), snapshot.begin()))
        return fail("is no saved machine");
    if (const u32 version = extract<u32>(snapshot, 8); version != kVersion)
        return fail("was saved in format {}; this version reads format {}", version, kVersion);
    const std::span<const u8> covered = snapshot.first(snapshot.size() - kChecksumBytes);
    if (extract<u32>(snapshot, covered.size()) != checksum(covered))
        return fail("is damaged: the checksum is wrong");
    Result<std::vector<u8>> content = decompress(covered.subspan(kHeaderBytes), extract<u64>(snapshot, 12));
    if (!content) return content.error();
    Result<Prepared> prepared = prepare(machine, *content);
    if (!prepared) return prepared.error();

    install_ram(machine.memory(), prepared->pages);
    for (const StatePart::Install& install : prepared->installs) install();
    machine.state_replaced();
    return {};
}

Result<void> save_machine_file(Machine& machine, const std::string& path) {
    const std::vector<u8> bytes = save_machine(machine);
    // A crash while writing must not destroy an older snapshot.
    const std::string temporary = path + ".part";
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
        const Error error = fail("{}: {}", path, std::strerror(errno));
        std::remove(temporary.c_str());
        return error;
    }
    return {};
}

Result<void> load_machine_file(Machine& machine, const std::string& path) {
    Result<std::vector<u8>> bytes = read_file(path);
    if (!bytes) return bytes.error();
    if (Result<void> loaded = load_machine(machine, *bytes); !loaded) return loaded.error().in(path);
    return {};
}

}  // namespace gnomon
